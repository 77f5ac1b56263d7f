import { existsSync, readFileSync } from "node:fs";
import { homedir, networkInterfaces } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { writePrivateFile } from "../host/files.ts";
import type { MeshMode, MeshSetup, SetUp } from "../ops/mesh-control.ts";
import { linkCredentialPaths } from "../router/certificates.ts";
import { parseRouterFile, routerFileText, type JsonObject } from "../router/config.ts";
import { furtherEndpoints, listenAddresses, parseEndpoint, parseEndpoints } from "../router/endpoint.ts";
import { rocksdbRoot } from "../router/environment.ts";
import { agentPath, launchdAgent, systemdUnit, unitName, unitPath } from "../router/service.ts";
import { decodeJoinCode, type JoinCode } from "../seal/join-code.ts";
import {
  makeMembership,
  meshDirectory,
  openMembership,
  readMembership,
  refuseCrossing,
  sealed,
  writeMembership,
} from "./membership.ts";

/** What configuring needs of this machine. */
export interface Surroundings {
  configDirectory: string;
  stateDirectory: string;
  env: { readonly [name: string]: string | undefined };
  platform: string;
  /** The program as it stands on PATH. */
  binary: string;
}

/** The router's file, for people to read and edit. */
export function routerFilePath({ configDirectory }: Pick<Surroundings, "configDirectory">): string {
  return join(configDirectory, "zenohd.json5");
}

/** What the router's file says now. Throws UserError where it is not there, or broken. */
export function readRouterFile(at: Surroundings): JsonObject {
  const path = routerFilePath(at);
  if (!existsSync(path)) {
    throw new UserError("usage", "this host is no hub or spoke of a mesh yet", {
      hint: "kioku-mesh init --mode hub, or kioku-mesh init --mode spoke --join -",
    });
  }
  return parseRouterFile(readFileSync(path, "utf8"), path);
}

/** The endpoints that a router's file listens on or dials. */
export function endpointsOf(file: JsonObject, role: "listen" | "connect"): string[] {
  const endpoints = (file[role] as { endpoints?: unknown } | undefined)?.endpoints;
  return Array.isArray(endpoints) ? endpoints.filter((endpoint) => typeof endpoint === "string") : [];
}

/** What this host's router file makes of it; undefined where there is none. */
export function configuredMode(at: Surroundings): MeshMode | undefined {
  if (!existsSync(routerFilePath(at))) return undefined;
  const file = readRouterFile(at);
  if (file.connect === undefined) return "localhost";
  return endpointsOf(file, "connect").length > 0 ? "spoke" : "hub";
}

/** Writes what makes this host a hub, a spoke or a mesh of one; with `print` only says what it would write. */
export async function setUp(setup: MeshSetup, at: Surroundings): Promise<SetUp> {
  const code = setup.joinCode === undefined ? undefined : decodeJoinCode(setup.joinCode);
  const path = setup.out ?? routerFilePath(at);
  const kept = setup.service && existsSync(path) && !setup.force;
  const { listen, connect } = endpointsFor(setup, code);
  const text = kept ? readFileSync(path, "utf8") : routerFile(setup, at, listen, connect);
  const service = setup.service ? serviceFor(at) : undefined;
  const file = { path, text, written: !setup.print && !kept };
  const state = keyState(setup, code, at, kept);
  if (setup.print) return { file, service, key: state, listen };
  if (file.written && existsSync(path) && !setup.force) throw alreadyExists(path);
  if (service && existsSync(service.path) && !setup.force) throw alreadyExists(service.path);
  if (!kept) refuseCrossing(meshDirectory(at.stateDirectory), setup.open);
  enrol(state, code, at);
  if (file.written) writePrivateFile(path, text);
  setBackend(at, "zenoh");
  if (service) writePrivateFile(service.path, service.text);
  return { file, service, key: state, listen };
}

function alreadyExists(path: string): UserError {
  return new UserError("conflict", `${path} already exists. Use --force to overwrite.`, { exit: 1 });
}

function endpointsFor({ mode, open, ...given }: MeshSetup, code: JoinCode | undefined) {
  const usual = mode === "hub" ? "0.0.0.0" : "127.0.0.1";
  const wanted = given.listen.length > 0 || (mode !== "localhost" && !code) ? given.listen : [usual];
  const listen = parseEndpoints(wanted, { sealed: !open, role: "listen" });
  if (mode === "localhost") return { listen, connect: [] };
  // A relay's code names the address of the relay itself, for everybody else.
  const { dial } = furtherEndpoints((code?.addresses ?? []).map((address) => `tls/${address}`).join(","), {
    sealed: !open,
    listen: listen.map((text) => parseEndpoint(text, { sealed: !open, role: "listen" })),
    addresses: listenAddresses(networkInterfaces()),
  });
  return { listen, connect: parseEndpoints([...given.connect, ...dial], { sealed: !open, role: "connect" }) };
}

function routerFile({ mode, open }: MeshSetup, at: Surroundings, listen: string[], connect: string[]): string {
  const certificates = open ? {} : { certificates: linkCredentialPaths(meshDirectory(at.stateDirectory)) };
  return routerFileText({ mode, listen, connect, ...certificates, command: `kioku-mesh init --mode ${mode}` });
}

/** Whether this host has what lets it take part, afterwards. A key that is there is never replaced by a new one. */
function keyState(
  { mode, open }: MeshSetup,
  code: JoinCode | undefined,
  at: Surroundings,
  kept: boolean,
): SetUp["key"] {
  if (open) return "open";
  if (code) return "joined";
  const present = readMembership(meshDirectory(at.stateDirectory));
  if (present?.kind === "open" && kept) return "open"; // the file that stays is an open mesh's
  if (present && present.kind !== "open") return "present";
  return mode === "spoke" ? "missing" : "made";
}

/** Gives this host what the setup asks for. */
function enrol(state: SetUp["key"], code: JoinCode | undefined, at: Surroundings): void {
  const directory = meshDirectory(at.stateDirectory);
  if (state === "open") writeMembership(directory, openMembership);
  if (state === "made") makeMembership(directory);
  if (state === "joined" && code) writeMembership(directory, membershipOf(code));
}

/** The membership that a join code gives. */
export function membershipOf(code: JoinCode) {
  return code.kind === "full"
    ? sealed(code.meshKey)
    : { kind: "relay" as const, meshId: code.meshId, credentials: code.credentials };
}

/** Sets `backend` in config.yaml and leaves every other line as it is. */
export function setBackend(
  { configDirectory }: Pick<Surroundings, "configDirectory">,
  backend: "zenoh" | "local",
): void {
  const path = join(configDirectory, "config.yaml");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const line = /^backend[ \t]*:.*$/m;
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  writePrivateFile(
    path,
    line.test(text) ? text.replace(line, `backend: ${backend}`) : `${text}${separator}backend: ${backend}\n`,
  );
}

function serviceFor(at: Surroundings): NonNullable<SetUp["service"]> {
  const home = at.env.HOME || homedir();
  const names = ["XDG_CONFIG_HOME", "KIOKU_MESH_STATE_DIR", "MESH_MEM_STATE_DIR"];
  const set = names.flatMap((name) => (at.env[name] ? [[name, at.env[name]] as const] : []));
  const choices = {
    binary: at.binary,
    home,
    rocksdbRoot: rocksdbRoot(at.env, at.stateDirectory),
    environment: Object.fromEntries(set),
  };
  if (at.platform === "darwin") {
    const path = agentPath(home);
    const text = launchdAgent(choices, join(at.stateDirectory, "mesh", "service.log"));
    return { path, text, enable: `launchctl load -w ${path}` };
  }
  const reason = serviceObstacle(at);
  if (reason)
    throw new UserError("usage", `--install-systemd is not supported here. ${reason}`, {
      hint: "run `kioku-mesh mesh run` by other means",
    });
  return {
    path: unitPath(at.env, home),
    text: systemdUnit(choices),
    enable: `systemctl --user daemon-reload && systemctl --user enable --now ${unitName}`,
  };
}

/** The command that ends the service of `mesh run`, where one is installed. */
export function disableService(at: Surroundings): string | undefined {
  const home = at.env.HOME || homedir();
  const path = at.platform === "darwin" ? agentPath(home) : unitPath(at.env, home);
  if (!existsSync(path)) return undefined;
  return at.platform === "darwin" ? `launchctl unload -w ${path}` : `systemctl --user disable --now ${unitName}`;
}

/** Why there can be no user service on this machine, undefined where there can. */
function serviceObstacle({ platform, env }: Surroundings): string | undefined {
  if (platform === "win32") return "Windows has no systemd.";
  if (Bun.which("systemctl", { PATH: env.PATH ?? "" }) === null) return "systemctl is not on PATH.";
  const { exitCode } = Bun.spawnSync(["systemctl", "--user", "show-environment"], {
    stdio: ["ignore", "ignore", "ignore"],
    timeout: 2_000,
    env: { ...env },
  });
  return exitCode === 0 ? undefined : "systemctl --user does not answer for this user.";
}

/** The addresses by which other hosts can dial this one, or those that it dials itself where it is a spoke. */
export function addressesToDial(file: JsonObject, isOpen: boolean): string[] {
  const own = endpointsOf(file, "listen").flatMap((text) => {
    const { host, port } = parseEndpoint(text, { sealed: !isOpen, role: "listen" });
    const hosts = host === "0.0.0.0" || host === "::" ? listenAddresses(networkInterfaces()) : [host];
    return hosts.map((name) => `${name.includes(":") ? `[${name}]` : name}:${port}`);
  });
  const dialled = endpointsOf(file, "connect").map((text) => text.replace(/^[a-z]+\//, "").replace(/#.*$/, ""));
  const reachable = own.filter((address) => !/^(127\.|localhost|\[::1\])/.test(address));
  if (dialled.length > 0) return dialled; // whoever joins dials what this host dials
  return reachable.length > 0 ? reachable : own;
}
