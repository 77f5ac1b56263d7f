import { createHash } from "node:crypto";
import { UserError } from "../core/errors.ts";
import { fromBase32, toBase32 } from "./base32.ts";
import { fromPem, toPem, type Credentials } from "./certificate.ts";
import { meshKeyLength } from "./keys.ts";

/** What a join code carries. The addresses are those of hosts to dial, `host:port`, IPv6 in brackets; none is allowed. */
export type JoinCode =
  /** For another of the mesh's own hosts. Whoever has it can read and write everything. */
  | { kind: "full"; meshKey: Uint8Array; addresses: string[] }
  /** For a router that someone else runs. It can link, and read nothing. */
  | { kind: "relay"; meshId: string; credentials: Credentials; addresses: string[] };

const prefixes = { full: "kioku1_", relay: "kiokurelay1_" };
const version = 1;
const checksumLength = 4;
const meshIdLength = 16;

/** Links listen on it unless told otherwise, so an address with this port is written without. */
const usualPort = ":7447";

/**
 * A join code: one word, a double click away from the clipboard, that can be dictated (no letter case, no `0` beside an
 * `O`). A full one with one address has some 90 characters, a relay's 1,800, which still fits a terminal's input line.
 *
 *     text      = "kioku1_" or "kiokurelay1_", then base32 of body and checksum
 *     full      = mesh key (32 bytes), addresses
 *     relay     = mesh id (16 bytes), private key, certificate and authority in DER, each after its length (2 bytes,
 *                 big-endian), addresses
 *     addresses = the addresses in ASCII with commas between, each without `:7447`
 *     checksum  = first 4 bytes of SHA-256(prefix, body)
 *
 * Throws a RangeError for an address that is none.
 */
export function encodeJoinCode(code: JoinCode): string {
  const bad = code.addresses.find((address) => !isAddress(address));
  if (bad !== undefined) throw new RangeError(`not an address to dial: ${bad}`);
  const addresses = code.addresses.map((address) =>
    address.endsWith(usualPort) ? address.slice(0, -usualPort.length) : address,
  );
  const head = code.kind === "full" ? code.meshKey : relayHead(code);
  const body = Buffer.concat([head, Buffer.from(addresses.join(","))]);
  const prefix = prefixes[code.kind];
  return prefix + toBase32(Buffer.concat([body, checksumOf(prefix, body)]));
}

/**
 * What a join code says. White space anywhere in it is ignored (a mail or a chat may have broken the line). Throws a
 * UserError that says which it is: no join code, one that was mistyped or cut off, or one of a newer version.
 */
export function decodeJoinCode(text: string): JoinCode {
  const [, prefix, relay, digits, base32] = /^(kioku(relay)?(\d+)_)(.*)$/i.exec(text.replace(/\s+/g, "")) ?? [];
  if (prefix === undefined) {
    const hint = "run `kioku-mesh mesh invite` on a host of the mesh and copy the last line it prints";
    throw new UserError("usage", "this is not a join code", { hint });
  }
  if (Number(digits) > version) {
    const hint = "install the current kioku-mesh on this host, then join again";
    throw new UserError("usage", "this join code comes from a newer version of kioku-mesh", { hint });
  }
  const bytes = Buffer.from(fromBase32(base32!) ?? []);
  const body = bytes.subarray(0, -checksumLength);
  const isWhole = checksumOf(prefix.toLowerCase(), body).equals(bytes.subarray(-checksumLength));
  const code = isWhole ? readBody(relay === undefined ? "full" : "relay", body) : undefined;
  if (!code) {
    const hint = "copy the whole code again, from the last line that `kioku-mesh mesh invite` printed";
    throw new UserError("usage", "this join code is mistyped or cut off", { hint });
  }
  return code;
}

/** The checksum is no proof of origin, so a body may be anything: undefined where it is none. */
function readBody(kind: JoinCode["kind"], body: Buffer): JoinCode | undefined {
  if (kind === "full") {
    const addresses = readAddresses(body.subarray(meshKeyLength));
    const meshKey = Uint8Array.from(body.subarray(0, meshKeyLength));
    return addresses && meshKey.length === meshKeyLength ? { kind, meshKey, addresses } : undefined;
  }
  const parts: Buffer[] = [];
  let offset = meshIdLength;
  while (parts.length < 3) {
    if (offset + 2 > body.length) return undefined;
    const end = offset + 2 + body.readUInt16BE(offset);
    parts.push(body.subarray(offset + 2, end));
    offset = end;
  }
  const [privateKey, certificate, authority] = parts as [Buffer, Buffer, Buffer];
  const addresses = offset <= body.length ? readAddresses(body.subarray(offset)) : undefined;
  const credentials = {
    privateKey: toPem("PRIVATE KEY", privateKey),
    certificate: toPem("CERTIFICATE", certificate),
    authority: toPem("CERTIFICATE", authority),
  };
  return addresses && { kind, meshId: body.toString("hex", 0, meshIdLength), credentials, addresses };
}

function relayHead({ meshId, credentials }: JoinCode & { kind: "relay" }): Buffer {
  const parts = [credentials.privateKey, credentials.certificate, credentials.authority].map(fromPem);
  const lengths = parts.map((part) => Uint8Array.of(part.length >> 8, part.length & 0xff));
  return Buffer.concat([Buffer.from(meshId, "hex"), ...parts.flatMap((part, index) => [lengths[index]!, part])]);
}

function readAddresses(bytes: Buffer): string[] | undefined {
  if (bytes.length === 0) return [];
  const texts = bytes.toString("latin1").split(",");
  const addresses = texts.map((text) => (isAddress(text) ? text : text + usualPort));
  return addresses.every(isAddress) ? addresses : undefined;
}

/** Strict, because the address goes into a configuration file and the code may come from anyone. */
function isAddress(text: string): boolean {
  const port = /^(?:\[[0-9a-f:.]+(?:%[\w.-]+)?\]|[a-z0-9][\w.-]*):(\d{1,5})$/i.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

function checksumOf(prefix: string, body: Uint8Array): Buffer {
  return createHash("sha256").update(prefix).update(body).digest().subarray(0, checksumLength);
}
