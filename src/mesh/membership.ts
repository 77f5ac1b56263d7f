import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { makePrivateFile, writePrivateFile } from "../host/files.ts";
import { linkCredentialPaths, readCredentials, writeCredentials } from "../router/certificates.ts";
import { privateDirectory } from "../router/private-files.ts";
import { credentialState, type Credentials } from "../seal/certificate.ts";
import { decodeJoinCode, encodeJoinCode } from "../seal/join-code.ts";
import { deriveKeys, newMeshKey, type MeshKeys } from "../seal/keys.ts";
import { recordSpace } from "../seal/name.ts";
import { flushDirectory } from "../store/open.ts";
import type { KeySpace } from "../zenoh/mesh.ts";

/** What makes this host part of a mesh. A relay carries a mesh's records without being able to read them. */
export type Membership =
  | { kind: "sealed"; meshId: string; meshKey: Uint8Array; keys: MeshKeys }
  | { kind: "relay"; meshId: string; credentials: Credentials }
  | { kind: "open"; meshId: "open" };

/** Where a host keeps what belongs to its mesh: the state directory's `mesh/`. */
export function meshDirectory(stateDirectory: string): string {
  return join(stateDirectory, "mesh");
}

const openWord = "open";

/** All open meshes are one, as far as a host can tell. */
export const openMembership = { kind: "open", meshId: "open" } as const;

/** The file that holds a join code without addresses, or the word `open`. Its checksum tells damage from a key. */
function membershipPath(directory: string): string {
  return join(directory, "membership");
}

/** What this host belongs to; undefined while it belongs to no mesh. Throws UserError where the file is damaged. */
export function readMembership(directory: string): Membership | undefined {
  const text = membershipText(directory);
  if (text === undefined) return undefined;
  if (text === openWord) return openMembership;
  try {
    const code = decodeJoinCode(text);
    if (code.kind === "relay") return { kind: "relay", meshId: code.meshId, credentials: code.credentials };
    return sealed(code.meshKey);
  } catch (cause) {
    throw new UserError("corrupt", `the mesh's key is damaged: ${membershipPath(directory)}`, {
      hint: "on another host of the mesh: kioku-mesh mesh invite; then here: kioku-mesh mesh join -",
      cause,
    });
  }
}

/** The id of the mesh that this host belongs to; undefined also where its key is damaged. */
export function meshIdOf(directory: string): string | undefined {
  try {
    return readMembership(directory)?.meshId;
  } catch (error) {
    if (error instanceof UserError) return undefined; // a damaged key keeps nobody from joining again, or leaving
    throw error;
  }
}

/** The text by which a change of membership is noticed. */
export function membershipText(directory: string): string | undefined {
  const path = membershipPath(directory);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

/** A membership in a sealed mesh: of the key given, or of a new one. */
export function sealed(meshKey: Uint8Array = newMeshKey()): Membership & { kind: "sealed" } {
  const keys = deriveKeys(meshKey);
  return { kind: "sealed", meshId: keys.meshId, meshKey, keys };
}

/** From a sealed mesh to an open one, and back, a host goes on purpose alone, and with no storage of the other left. */
export function refuseCrossing(directory: string, toOpen: boolean): void {
  const text = membershipText(directory);
  if (text === undefined || (text === openWord) === toOpen) return;
  throw new UserError("conflict", `this host belongs to ${toOpen ? "a sealed" : "an open"} mesh`, {
    hint: "kioku-mesh mesh leave, then again",
  });
}

/**
 * Makes this host part of a mesh. The file is all that a running `mesh run` waits for, and may hold the only copy of a key:
 * it is on disk when this returns.
 */
export function writeMembership(directory: string, membership: Membership): void {
  privateDirectory(directory);
  refuseCrossing(directory, membership.kind === "open");
  writePrivateFile(membershipPath(directory), fileText(membership));
  flushEntries(directory);
}

/** Makes a mesh, and this host part of it, unless it is part of one: never is a key replaced by a new one. */
export function makeMembership(directory: string): void {
  privateDirectory(directory);
  try {
    makePrivateFile(membershipPath(directory), fileText(sealed()));
  } catch (cause) {
    const hint = "`kioku-mesh doctor` says what the state directory lacks";
    throw new UserError("unavailable", `the mesh's key cannot be written: ${membershipPath(directory)}`, {
      hint,
      cause,
    });
  }
  refuseCrossing(directory, false);
  flushEntries(directory);
}

function fileText(membership: Membership): string {
  const addresses: string[] = [];
  if (membership.kind === "open") return `${openWord}\n`;
  if (membership.kind === "relay") return `${encodeJoinCode({ ...membership, kind: "relay", addresses })}\n`;
  return `${encodeJoinCode({ kind: "full", meshKey: membership.meshKey, addresses })}\n`;
}

/** The state directory may have been made with the key, and then the folder around it has a new entry too. */
function flushEntries(directory: string): void {
  const state = dirname(directory);
  for (const place of [directory, state, dirname(state)]) flushDirectory(place);
}

/** Takes the key and all that was made from it off this host, also what a writer left that was killed. */
export function removeMembership(directory: string): void {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  for (const name of names) if (/^\.?membership(\.|$)/.test(name)) rmSync(join(directory, name), { force: true });
  rmSync(join(directory, "tls"), { recursive: true, force: true });
}

/** The key expressions of the mesh. */
export function keySpace(membership: Membership): KeySpace {
  if (membership.kind === "open") return { records: "mem", control: "kioku/open" };
  return { records: recordSpace(membership.meshId), control: `kioku/${membership.meshId}` };
}

/**
 * Sees to it that this host's link certificate is there and serves; gives false where the mesh has none. Loads the
 * certificate library only where one must be issued.
 */
export async function provideLinkCredentials(directory: string, membership: Membership, now: Date): Promise<boolean> {
  if (membership.kind === "open") return false;
  const paths = linkCredentialPaths(directory);
  if (membership.kind === "relay") {
    writeCredentials(paths, membership.credentials);
    return true;
  }
  const { issueLinkCredentials, meshAuthority } = await import("../seal/authority.ts");
  const authority = meshAuthority(membership.keys);
  const present = readCredentials(paths);
  const isOurs = present?.authority === authority.certificate; // else it dates from before a rotation of the key
  if (!present || !isOurs || credentialState(present, now) !== "valid") {
    writeCredentials(paths, issueLinkCredentials(authority));
  }
  return true;
}
