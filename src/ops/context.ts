import type { Identity, Visibility } from "../core/observation.ts";
import type { Store } from "../store/store.ts";

/** Where a setting came from, for people who wonder why it has its value. */
export type Source = "flag" | "environment" | "project file" | "user file" | "default" | "detected";

/** Where this machine keeps our files. */
export interface Paths {
  configDirectory: string;
  /** `config.yaml` in it. */
  config: string;
  stateDirectory: string;
  /** `memory.db` in it. */
  database: string;
}

/** What configuration says, after its one precedence: flag, environment, project file, user file, default. */
export interface Settings {
  backend: "local" | "zenoh";
  /** What a save takes where the caller names none. */
  save: { project: string; tags: readonly string[]; visibility: Visibility };
  userId: string;
  teamId: string;
  /** Searches read the log itself instead of the search tables. */
  disableIndex: boolean;
  rebuild: boolean;
}

/** Who is speaking, and how we know. */
export interface Who extends Identity {
  sources: { agent_family: Source; client_id: Source };
}

/** Everything an operation may touch. Built once in main.ts, faked in tests. */
export interface Context {
  version: string;
  paths: Paths;
  /** Opens the database at the first call, so that what needs none never does. */
  store(): Store;
  now(): Date;
  newId(): string;
  /** Identity is found, never passed by a model. Reading it may create this host's id. */
  who(): Who;
  settings(): Settings;
  /** The project of the repository one is in: its remote's name, else its folder; "" outside of one. */
  projectHere(): string;
  /** Says something beside the answer (on stderr). Absent where nobody would read it. */
  note?(line: string): void;
  /** Asks a yes/no question. Absent where nobody can answer. */
  confirm?(question: string): Promise<boolean>;
}
