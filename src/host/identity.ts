import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { setting, type Env } from "./paths.ts";

const launchers: { [family: string]: readonly string[] } = {
  claude: ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"],
  codex: ["CODEX_SANDBOX"],
  gemini: ["GEMINI_CLI", "GEMINI_SANDBOX"],
};

/** The agent's family and how we know: set by the environment, seen by its launcher's marks, or unknown. */
export function agentFamily(env: Env): { value: string; source: "environment" | "detected" | "default" } {
  const given = setting(env, "AGENT_FAMILY")?.trim();
  if (given) return { value: label(given), source: "environment" };
  const seen = Object.keys(launchers).filter((family) => launchers[family]!.some((mark) => env[mark]));
  return seen.length === 1 ? { value: seen[0]!, source: "detected" } : { value: "unknown", source: "default" };
}

/** The installation that speaks: set by the environment, else `user@host`. */
export function clientId(env: Env): { value: string; source: "environment" | "default" } {
  const given = setting(env, "CLIENT_ID")?.trim();
  if (given) return { value: label(given), source: "environment" };
  const user = label(env.USER || env.LOGNAME || env.USERNAME || "user");
  return { value: `${user}@${label(hostname().split(".")[0] || "host")}`, source: "default" };
}

/** The run that speaks: set by the environment, else a name that sorts by `now`. */
export function sessionId(env: Env, now: Date): string {
  const given = setting(env, "SESSION_ID");
  if (given) return label(given);
  return `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z-${randomBytes(4).toString("hex")}`;
}

/**
 * This host's id: 32 hex digits in `<state>/pc_id`, made at first use. Of two processes that make it at once, one
 * wins and both read the same: the file appears by a hard link, complete or not at all.
 */
export function hostId(stateDirectory: string): string {
  const path = join(stateDirectory, "pc_id");
  return readHostId(path) ?? makeHostId(path);
}

function readHostId(path: string): string | undefined {
  try {
    const id = readFileSync(path, "utf8").trim();
    if (id) return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UserError("unavailable", `this host's id cannot be read: ${path}`, { cause: error });
  }
  throw new UserError("corrupt", `pc_id at ${path} exists but has no content`, {
    hint: "delete it; the next command makes a new one",
  });
}

function makeHostId(path: string): string {
  const draft = `${path.slice(0, -"pc_id".length)}.pc_id.tmp.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    writeFileSync(draft, `${randomUUID().replaceAll("-", "")}\n`, { mode: 0o600, flag: "wx" });
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new UserError("unavailable", `this host's id cannot be written: ${path}`, {
        hint: "check the permissions of the state directory",
        cause: error,
      });
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return readHostId(path)!;
}

/** Identity becomes part of a mesh key: what would change its shape there is replaced, as the original does by default. */
function label(text: string): string {
  return text.replaceAll(/[/*?$#\p{Cc}]/gu, "-");
}
