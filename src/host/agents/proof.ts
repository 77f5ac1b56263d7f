import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import type { ServerEntry } from "../../core/agent.ts";
import { parseObject } from "../../core/json.ts";
import type { Env } from "../variables.ts";

/** What the most frugal of agents hand on to a server beside the entry's own variables. */
const handedOn = (
  "HOME PATH USER LOGNAME SHELL LANG LC_ALL LC_CTYPE TERM TMPDIR TZ XDG_CONFIG_HOME " +
  "APPDATA COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA PATHEXT Path SystemRoot TEMP TMP USERDOMAIN USERNAME USERPROFILE windir"
).split(" ");

/** Milliseconds for all of a proof. Codex gives a server 10 seconds to start. */
const patience = 10_000;

/**
 * Starts a server as an agent would, with a memory of its own in a temporary directory, and saves, finds and deletes one
 * observation there. Gives the server's name and version. Throws UserError `unavailable` with what went wrong.
 */
export async function proveServer({ command, args, env: own }: ServerEntry, env: Env): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "kioku-mesh-proof-"));
  const given = Object.fromEntries(
    handedOn.map((name) => [name, env[name]]).filter(([, value]) => value !== undefined),
  );
  const state = join(directory, "state");
  try {
    const server = startServer([command, ...args], {
      cwd: directory,
      env: { ...given, ...own, KIOKU_MESH_STATE_DIR: state, MESH_MEM_STATE_DIR: state },
    });
    try {
      return await roundTrip(server.request);
    } catch (cause) {
      throw await server.failure(cause as Error);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

type Ask = (method: string, params: object) => Promise<{ [field: string]: unknown }>;

async function roundTrip(request: Ask): Promise<string> {
  const clientInfo = { name: "kioku-mesh mcp install", version: "1" };
  const { serverInfo } = await request("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
  await request("notifications/initialized", {});
  const call = async (name: string, fields: object) => {
    const { content, isError } = await request("tools/call", { name, arguments: fields });
    const text = (content as { text?: string }[] | undefined)?.map((part) => part.text).join("\n") ?? "";
    if (isError) throw new Error(`${name} answered: ${text}`);
    return text;
  };
  const word = `proof${crypto.randomUUID().slice(0, 8)}`;
  const labels = { subject: word, summary: "A round trip of kioku-mesh mcp install." };
  const saved = await call("save_observation", { content: `The word is ${word}.`, ...labels });
  const id = /[0-9a-f]{32}/.exec(saved)?.[0];
  if (!id) throw new Error(`save_observation answered: ${saved}`);
  const found = await call("search_memory", { query: word });
  if (!found.includes(id)) throw new Error(`search_memory does not find what was saved, but: ${found}`);
  await call("delete_memory", { observation_id: id, reason: "proof" });
  const after = await call("search_memory", { query: word });
  if (after.includes(id)) throw new Error("search_memory still finds what was deleted");
  const { name = "server", version = "" } = { ...(serverInfo as { name?: string; version?: string }) };
  return `${name} ${version}`.trim();
}

/** A server on pipes, and JSON-RPC to it, one request after the other. */
function startServer(command: string[], { cwd, env }: { cwd: string; env: { [name: string]: string | undefined } }) {
  const child = spawned(command, cwd, env);
  const lines = linesOf(child.stdout);
  const said = new Response(child.stderr).text();
  const giveUp = setTimeout(() => child.kill("SIGKILL"), patience);
  let requests = 0;

  return {
    async request(method: string, params: object) {
      const id = method.startsWith("notifications/") ? undefined : ++requests;
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
      await child.stdin.flush();
      if (id === undefined) return {};
      for (let next = await lines.next(); !next.done; next = await lines.next()) {
        const answer = parseObject(next.value);
        if (!answer) throw new Error(`it wrote something else than JSON-RPC to standard output: ${next.value}`);
        if (answer.id !== id) continue;
        if (answer.error) throw new Error(`${method} answered: ${JSON.stringify(answer.error)}`);
        return { ...(answer.result as object) };
      }
      throw new Error("it ended without an answer");
    },

    /** What went wrong, with the last of what the server itself has said. */
    async failure(cause: Error): Promise<UserError> {
      const late = child.killed;
      const ended = await Promise.race([child.exited, Bun.sleep(200)]); // one that crashes has not quite left yet
      child.kill("SIGKILL");
      const words = (await said).trim().split("\n").slice(-5).join("\n");
      const told = ended ? `${cause.message} (exit status ${ended})` : cause.message;
      const why = late ? `no answer within ${patience / 1000} s` : told;
      return new UserError("unavailable", `the server does not work as registered: ${why}${words && `\n${words}`}`, {
        cause,
      });
    },

    /** Hangs up, as agents do, and waits for the server to leave; one that stays is killed. */
    async stop(): Promise<void> {
      await child.stdin.end();
      const left = setTimeout(() => child.kill("SIGKILL"), 2_000);
      await child.exited;
      clearTimeout(left);
      clearTimeout(giveUp);
    },
  };
}

function spawned([command, ...args]: string[], cwd: string, env: { [name: string]: string | undefined }) {
  try {
    return Bun.spawn([command!, ...args], { cwd, env, stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  } catch (cause) {
    throw new UserError("unavailable", `the server cannot be started: ${command} (${(cause as Error).message})`, {
      cause,
    });
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield line;
  }
}
