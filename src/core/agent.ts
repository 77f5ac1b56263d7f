/** The agents whose configuration we can edit, by the client id that they have as speakers. */
export const clients = ["claude-code", "codex-cli"] as const;
export type Client = (typeof clients)[number];

/** How an agent starts a server: what its configuration says. */
export interface ServerEntry {
  command: string;
  args: readonly string[];
  env: { readonly [name: string]: string };
}

/** What an entry starts. */
export type Program = Pick<ServerEntry, "command" | "args">;

/** A server in an agent's configuration: for all of a user's work, for one directory of it, or from a repository. */
export interface Registration {
  name: string;
  scope: "user" | "local" | "project";
  file: string;
  entry: ServerEntry;
}

/** What has to change in an entry for it to start today's program. Everything else in it stays. */
export interface Repair {
  command?: string;
  args?: readonly string[];
  /** Environment keys of release 0.3 and what they are called now. */
  renamed: readonly (readonly [old: string, now: string])[];
  /** Environment keys of release 0.3 that stand beside their present names, and lose to them. */
  dropped: readonly string[];
}

/** The name that a server is registered under unless one is given. */
export const serverName = "mesh_mem";

/** The entry that starts our server for an agent: it says who speaks, and no more. `more` adds or replaces variables. */
export function serverEntry(program: Program, client: Client, more: ServerEntry["env"]): ServerEntry {
  const env = { KIOKU_MESH_AGENT_FAMILY: client.split("-")[0]!, KIOKU_MESH_CLIENT_ID: client, ...more };
  return { command: program.command, args: program.args, env };
}

/** True where an entry starts a server of ours, of this program or of the Python original, also through a wrapper. */
export function startsOurServer({ command, args }: Program): boolean {
  const words = [command, ...args].map(programName);
  const served = words.findIndex((word) => word === "kioku-mesh" || word === "mesh-mem");
  return (
    words.some((word) => word === "kioku-mesh-mcp" || word === "mesh-mem-mcp") ||
    (served >= 0 && words[served + 1] === "mcp" && words[served + 2] === "serve") ||
    args.some((word) => /^(mesh_mem|kioku_mesh)\.(.+\.)?mcp_server$/.test(word))
  );
}

/**
 * True where an entry starts our server a second time. One that speaks as another client, or into another memory, is no
 * second: its owner tells two of a kind apart by that.
 */
export function isSecondTo(first: ServerEntry, entry: ServerEntry): boolean {
  const client = identityOf(entry, "CLIENT_ID");
  return (
    startsOurServer(entry) &&
    (client === undefined || client === identityOf(first, "CLIENT_ID")) &&
    identityOf(entry, "STATE_DIR") === identityOf(first, "STATE_DIR")
  );
}

function identityOf({ env }: ServerEntry, name: "CLIENT_ID" | "STATE_DIR"): string | undefined {
  return env[`KIOKU_MESH_${name}`] ?? env[`MESH_MEM_${name}`];
}

/** What an entry of ours needs to start `program`; undefined where nothing. A wrapper's command is its owner's choice. */
export function repairOf(entry: ServerEntry, program: Program): Repair | undefined {
  const direct = /^(kioku-mesh|mesh-mem)(-mcp)?$|^(python|uv|uvx|pipx)[\d.]*$/.test(programName(entry.command));
  const repoint = direct && startsOurServer(entry);
  const args = repoint && JSON.stringify(entry.args) !== JSON.stringify(program.args);
  const old = Object.keys(entry.env).filter((key) => key.startsWith("MESH_MEM_"));
  const named = old.map((key) => [key, key.replace("MESH_MEM_", "KIOKU_MESH_")] as const);
  const repair: Repair = {
    ...(repoint && entry.command !== program.command && { command: program.command }),
    ...(args && { args: program.args }),
    renamed: named.filter(([, now]) => entry.env[now] === undefined),
    dropped: named.filter(([, now]) => entry.env[now] !== undefined).map(([key]) => key),
  };
  const needed = repair.command !== undefined || repair.args !== undefined || old.length > 0;
  return needed ? repair : undefined;
}

/** The entry as it is after a repair. */
export function repaired(entry: ServerEntry, { command, args, renamed, dropped }: Repair): ServerEntry {
  const now = new Map(renamed);
  const kept = Object.entries(entry.env).filter(([key]) => !dropped.includes(key));
  return {
    command: command ?? entry.command,
    args: args ?? entry.args,
    env: Object.fromEntries(kept.map(([key, value]) => [now.get(key) ?? key, value])),
  };
}

/** A program's name without its folder and the ending that Windows wants. */
function programName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1).replace(/\.(exe|cmd|bat)$/i, "");
}
