import { isAbsolute, delimiter } from "node:path";
import type { ServerEntry } from "../../core/agent.ts";
import type { Env } from "../variables.ts";

/**
 * The path of a program as it stands on PATH: a link is not followed, since package managers replace what it points to.
 * Relative folders of PATH are passed over: what is in the current directory is its repository's choice.
 */
export function programOnPath(name: string, env: Env): string | undefined {
  const folders = (env.PATH ?? env.Path ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return Bun.which(name, { PATH: folders.join(delimiter) }) ?? undefined;
}

/** What starts our server: its link on PATH, or else the program that the link would point to. */
export function serverOnPath(env: Env): Pick<ServerEntry, "command" | "args"> | undefined {
  const link = programOnPath("kioku-mesh-mcp", env);
  if (link) return { command: link, args: [] };
  const program = programOnPath("kioku-mesh", env);
  return program ? { command: program, args: ["mcp", "serve"] } : undefined;
}

/** A word as a POSIX shell reads it. */
export function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
