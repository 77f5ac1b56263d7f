import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { isId } from "../core/record.ts";
import { makePrivateDirectory, makePrivateFile, readSmallFile } from "./files.ts";
import { variableSet, type Env } from "./variables.ts";

/** A part of an identity and how we know it: the variable that set it, an agent's own marks, or a default. */
export interface Known {
  value: string;
  variable?: string;
  detected?: true;
}

const launchers: { [family: string]: readonly string[] } = {
  claude: ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"],
  codex: ["CODEX_SANDBOX"],
  gemini: ["GEMINI_CLI", "GEMINI_SANDBOX"],
};

/** The agent's family: set by the environment, seen by its launcher's marks, or unknown. */
export function agentFamily(env: Env): Known {
  const given = fromEnvironment(env, "AGENT_FAMILY");
  if (given) return given;
  const seen = Object.keys(launchers).filter((family) => launchers[family]!.some((mark) => env[mark]));
  return seen.length === 1 ? { value: seen[0]!, detected: true } : { value: "unknown" };
}

/** The installation that speaks: set by the environment, else `user@host`. */
export function clientId(env: Env): Known {
  const given = fromEnvironment(env, "CLIENT_ID");
  if (given) return given;
  const user = label(env.USER || env.LOGNAME || env.USERNAME || "user");
  return { value: `${user}@${label(hostname().split(".")[0] || "host")}` };
}

/** The run that speaks: set by the environment, else a name that sorts by `now`. */
export function sessionId(env: Env, now: Date): string {
  const given = fromEnvironment(env, "SESSION_ID");
  if (given) return given.value;
  return `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z-${crypto.randomUUID().slice(0, 8)}`;
}

function fromEnvironment(env: Env, name: "AGENT_FAMILY" | "CLIENT_ID" | "SESSION_ID"): Known | undefined {
  const variable = variableSet(env, name);
  const value = variable && label(env[variable]!.trim());
  return value ? { value, variable: variable! } : undefined;
}

/**
 * This host's id: 32 hex digits in `<state>/pc_id`, made at first use; also where two processes make it at once.
 */
export function hostId(stateDirectory: string): string {
  const path = join(stateDirectory, "pc_id");
  return readHostId(path) ?? makeHostId(stateDirectory, path);
}

function readHostId(path: string): string | undefined {
  const id = readSmallFile(path)?.trim();
  if (id === undefined || isId(id)) return id;
  throw new UserError("corrupt", `pc_id at ${path} ${id ? "is no id of 32 hex digits" : "exists but has no content"}`, {
    hint: "delete it; the next command makes a new one",
  });
}

function makeHostId(stateDirectory: string, path: string): string {
  makePrivateDirectory(stateDirectory);
  try {
    makePrivateFile(path, `${crypto.randomUUID().replaceAll("-", "")}\n`);
  } catch (cause) {
    throw new UserError("unavailable", `this host's id cannot be written: ${path}`, {
      hint: "`kioku-mesh doctor` says what the state directory lacks",
      cause,
    });
  }
  return readHostId(path)!;
}

/** Names become part of mesh keys and of one-line texts: what would change their shape is replaced, as the original does. */
export function label(text: string): string {
  return text.toWellFormed().replaceAll(/[/*?$#\p{Cc}]/gu, "-");
}
