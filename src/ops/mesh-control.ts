import type { Check } from "./check.ts";
import type { MeshState } from "./mesh-state.ts";

/** What a host is in its mesh: one that others dial, one that dials, or a mesh of one. */
export type MeshMode = "localhost" | "hub" | "spoke";

/** What `init` is asked for a host of a mesh. */
export interface MeshSetup {
  mode: MeshMode;
  listen: readonly string[];
  connect: readonly string[];
  open: boolean;
  joinCode: string | undefined;
  /** Join although this host is of another mesh. */
  merge: boolean;
  out: string | undefined;
  force: boolean;
  print: boolean;
  service: boolean;
}

/** What `init` did, or (with `print`) would write. */
export interface SetUp {
  file: { path: string; text: string; written: boolean };
  service: { path: string; text: string; enable: string } | undefined;
  /** Whether this host has what lets it take part: a key (made now, joined now, or there before), or an open mesh. */
  key: "made" | "joined" | "present" | "open" | "missing";
  listen: string[];
  /** How many memories this host brings into the mesh that it joined. */
  sharing?: number;
}

/** A router that lives as long as the command: Tier 1. */
export interface EphemeralStart {
  listen: readonly string[];
  connect: readonly string[];
  open: boolean;
}

/** What a host can do about its router. All throw UserError where there is none, or it does not work. */
export interface RouterControl {
  install(from: string | undefined, version: string | undefined): Promise<{ version: string; path: string }>;
  locate(): { version: string; path: string };
  verify(): Promise<{ version: string; path: string }>;
}

/**
 * What a host can do about its mesh. Loaded when a command needs it: CLI and MCP processes that save and search never
 * load a network.
 */
export interface MeshControl {
  router: RouterControl;
  /** The IPv4 addresses of this machine that others may reach. */
  addresses(): string[];
  /** By which addresses others can dial what listens on these endpoints. Throws UserError for what is none. */
  addressesOf(listen: readonly string[], open: boolean): string[];
  setUp(setup: MeshSetup): Promise<SetUp>;
  /** What `init` has made of this host; undefined where it has no part in a mesh yet. */
  configuredMode(): MeshMode | undefined;
  /** Stores the key of a join code; gives the addresses in it. Throws UserError where this host's memory is of another mesh. */
  join(code: string, merge: boolean): Promise<{ addresses: string[]; sharing: number; relay: boolean }>;
  /** Makes this host a member: of an open mesh, or of its own mesh, with a new key where it has none. */
  ensureMembership(open: boolean): void;
  /** Whether it is a member already. Throws UserError where it is one of a mesh of the other kind. */
  hasMembership(open: boolean): boolean;
  /** The code that lets another host join: its last line on stdout. */
  invite(options: { relay: boolean; addresses: readonly string[] }): Promise<{ code: string; addresses: string[] }>;
  /** Looks for what is wrong with this host's part in the mesh. */
  inspect(state: MeshState): Promise<Check[]>;
  /** `disable` ends the service that goes on otherwise, where one is installed. */
  leave(): Promise<{ removed: string[]; disable: string | undefined }>;
  rotateKey(): Promise<{ code: string; addresses: string[] }>;
  /** Takes part as configured, until `stop` settles. */
  run(stop: Promise<void>): Promise<void>;
  /** Takes part with a router that keeps nothing, until `stop` settles. `ready` is called once, when it answers. */
  runEphemeral(start: EphemeralStart, stop: Promise<void>): Promise<void>;
  /** Synchronises once, within `deadline` milliseconds; `full` also reads the router's storage. */
  synchronise(deadline: number, full: boolean): Promise<{ moved: number; pending: number; reached: boolean }>;
}
