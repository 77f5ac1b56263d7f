import { UserError } from "../core/errors.ts";
import type { Client, Registration, Repair, ServerEntry } from "../core/agent.ts";

/** An agent whose configuration we can edit. What these functions do to its files they do whole or not at all. */
export interface Agent {
  client: Client;
  title: string;
  /** Its configuration file, there or not. */
  file: string;
  /** Its program on PATH. */
  program: string | undefined;
  /** Whether it is on this machine: its program, or its configuration. */
  present(): boolean;
  /** Whether a server of this name is in the user's own list, of whatever kind. */
  has(name: string): boolean;
  /** The words that refuse to register a second server of one name. */
  taken(name: string): string;
  /** What `register` would do, as a command line or a text. */
  plan(name: string, entry: ServerEntry): string;
  /** Adds a server to the user's own list, or replaces the one of this name; gives the words that say so. */
  register(name: string, entry: ServerEntry): Promise<string>;
  unregister(name: string): Promise<string>;
  /** The file of its session-start hooks. */
  hooks: HookFile;
  /** Where it keeps servers: the user's own list first, then those that hold for the current directory. */
  lists(): ServerList[];
}

/** Where an agent keeps servers. */
export interface ServerList {
  scope: Registration["scope"];
  file: string;
  registrations(): Registration[];
  /** Both give the path of the backup. */
  repair(name: string, repair: Repair, after: ServerEntry): string | undefined;
  remove(name: string): string | undefined;
}

interface HookFile {
  file: string;
  /** The command lines with which a session's start calls us. */
  commands(): string[];
  /** Has this command line called, once, and no other of ours. Both give the path of the backup. */
  add(command: string): string | undefined;
  remove(): string | undefined;
}

/** The agents of this machine, and the server that they are to start. */
export interface Agents {
  all: readonly Agent[];
  /** How our server is started by its path; undefined where it is not on PATH. */
  server(): Pick<ServerEntry, "command" | "args"> | undefined;
  /** The command line for a session-start hook; undefined where our program is not on PATH. */
  hookCommand(): string | undefined;
  /** Starts a server as an agent would, and saves, finds and deletes something in a memory of its own. Gives its name. */
  prove(entry: ServerEntry): Promise<string>;
}

/** The agents that a command is about: the one named, or all that are on this machine. */
export function agentsMeant({ all }: Agents, client: Client | undefined): Agent[] {
  if (client !== undefined) return all.filter((agent) => agent.client === client);
  return all.filter((agent) => agent.present());
}

/** The server that an agent's user's list has under a name. */
export function registered(agent: Agent, name: string): Registration | undefined {
  return agent
    .lists()[0]!
    .registrations()
    .find((registration) => registration.name === name);
}

/** What a failure says, for answers in which others succeed. Throws on what is no expected failure. */
export function told(error: unknown): string {
  if (!(error instanceof UserError)) throw error;
  return error.hint ? `${error.message}\n hint: ${error.hint}` : error.message;
}
