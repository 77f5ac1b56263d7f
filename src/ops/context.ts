import { UserError } from "../core/errors.ts";
import type { Identity, Visibility } from "../core/observation.ts";
import type { MeshControl } from "./mesh-control.ts";
import type { Glance } from "../store/glance.ts";
import type { Store } from "../store/store.ts";
import type { TokenThread } from "../store/token-thread.ts";
import type { Agents } from "./agents.ts";

/** Where this machine keeps our files. */
export interface Paths {
  configDirectory: string;
  /** `config.yaml` in it. */
  config: string;
  stateDirectory: string;
  /** `memory.db` in it. */
  database: string;
  /** Directories of ours that exist too, under the other name they have had, and are not in use. */
  passedOver: readonly string[];
  /** Where versions of the Python program keep their state on this machine, whether they are there or not. */
  foreignDirectories: readonly string[];
}

/** What configuration says, after its one precedence: flag, environment, project file, user file, default. */
export interface Settings {
  backend: "local" | "zenoh";
  userId: string;
  teamId: string;
  /** Searches read the log itself instead of the search tables. */
  disableIndex: boolean;
  /** Keys of the configuration file that this build leaves alone. */
  strangeKeys: readonly string[];
  /** What a save takes where the caller names none. Reads the project file. */
  save(): { project: string; tags: readonly string[]; visibility: Visibility };
}

/** Who is speaking, and how we know: the variable that says so, an agent's own marks, or else a default. */
export interface Who extends Identity {
  sources: { agent_family: Known; client_id: Known };
}
export interface Known {
  variable?: string;
  detected?: true;
}

/** Everything an operation may touch. Built once in main.ts, faked in tests. */
export interface Context {
  version: string;
  /** The file of this program. */
  binary: string;
  paths: Paths;
  /** Opens the database at the first call, so that what needs none never does. */
  store(): Store;
  /** A quick look into the database that leaves no trace; undefined where there is none that this build can read. */
  glance(): Glance | undefined;
  now(): Date;
  newId(): string;
  /** Identity is found, never passed by a model. Reading it may create this host's id. */
  who(): Who;
  settings(): Settings;
  /** The project of the repository one is in (or that a directory is in): its remote's name, else its folder's; else "". */
  projectHere(directory?: string): string;
  /** What the environment sets to no effect, in words. */
  idleVariables(): readonly string[];
  /** Writes a file that only its owner can read, whole or not at all. */
  writeFile(path: string, text: string): void;
  /** Begins a file that only its owner can read. It is there when it is kept, whole. */
  draftFile(path: string): Draft;
  /** The agents on this machine. */
  agents(): Promise<Agents>;
  /** Says something beside the answer (on stderr). Absent where nobody would read it. */
  note?(line: string): void;
  /** Says something on stdout while a command goes on. Absent where stdout is not a person's or a script's. */
  say?(line: string): Promise<void>;
  /** What the agent that started us tells on standard input, as far as it comes at once. Absent for agents' servers. */
  event?(): Promise<string>;
  /** Writes a part of an answer that is too long for the memory to stdout; what an operation gives is then said beside. */
  print?(text: string): Promise<void>;
  /** Shows how far a long work is, where a person watches. Without a size, `done` is bytes. */
  progress?(done: number, size: number | undefined): void;
  /** Standard input, to its end. */
  input?(): AsyncIterable<Uint8Array>;
  /** Asks for a line; "nobody" where nobody is there to answer. */
  ask?(prompt: string): Promise<{ line: string | undefined } | "nobody">;
  /** What this host can do about its mesh. Loads the network's libraries; absent for agents. */
  mesh?(): Promise<MeshControl>;
  /** This process, for commands that go on until told to end; absent for agents. */
  self?: Self;
  /** Starts a second thread for the search tokens of many memories. Absent where there is none to be had. */
  startThread?(): Promise<TokenThread>;
  /** Asks for a yes. Undefined where nobody is there to answer. */
  confirm?(question: string): Promise<boolean | undefined>;
}

/** A file in the making. */
export interface Draft {
  write(text: string): void;
  /** Puts it in its place, on disk. */
  keep(): void;
  /** Removes it, unless it was kept. */
  discard(): void;
}

/** The process that a command runs in. */
export interface Self {
  /** Settles when it is told to end (^C, a service's stop). */
  interrupted(): Promise<void>;
  /** Whether a text stands in its arguments, where every user of this machine can read it. */
  isArgument(text: string): boolean;
  /** Goes on as this program with other arguments, in the same process where the system can; does not return. */
  replace(args: readonly string[]): Promise<never>;
}

/** What commands of the mesh need beside the rest. */
export async function meshOf(ctx: Context): Promise<{ mesh: MeshControl; self: Self }> {
  if (ctx.mesh && ctx.self) return { mesh: await ctx.mesh(), self: ctx.self };
  throw new UserError("unavailable", "this is for the command line alone", { hint: "run it in a terminal" });
}

/** The project a caller names: `.` is that of the repository one is in. */
export function projectNamed(ctx: Context, name: string): string {
  return name === "." ? ctx.projectHere() : name;
}

/** The same, for what would reach too far without one. */
export function requireProject(ctx: Context, name: string): string {
  const project = projectNamed(ctx, name);
  if (project !== "") return project;
  throw new UserError("usage", "project `.` names no project here", {
    hint: "run it inside a repository, or name one",
  });
}

/** What a search takes from where one is. */
export function searchHere(ctx: Context): { projectHere: string; withoutIndex: boolean } {
  return { projectHere: ctx.projectHere(), withoutIndex: ctx.settings().disableIndex };
}
