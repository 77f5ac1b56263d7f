import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { binary } from "./program.ts";

/** The command that runs the program: compiled, where that has been built, else from its source. */
export const program = existsSync(binary) ? [binary] : [process.execPath, join(import.meta.dir, "../../src/main.ts")];

type Answer = JSONRPCMessage & { id?: unknown; result?: { [key: string]: unknown }; error?: unknown };

export const initialize = {
  jsonrpc: "2.0",
  id: "initialize",
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } },
};

export const call = (id: number | string, name: string, args: object = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});

/** A server process over pipes, spoken to line by line. Killed when it goes out of scope. */
export function openSession(stateDirectory: string, env: { [name: string]: string } = {}) {
  const server = Bun.spawn([...program, "mcp", "serve"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, KIOKU_MESH_STATE_DIR: stateDirectory, ...env },
  });
  const reader = server.stdout.getReader();
  const decoder = new TextDecoder();
  const lines: string[] = [];
  let rest = "";

  /** The next line it writes; undefined where its output has ended. */
  async function line(): Promise<string | undefined> {
    while (lines.length === 0) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
    }
    return lines.shift();
  }

  return {
    server,
    pid: server.pid,
    line,
    send(...messages: (object | Uint8Array)[]): void {
      for (const message of messages) {
        server.stdin.write(message instanceof Uint8Array ? message : `${JSON.stringify(message)}\n`);
      }
      Promise.resolve(server.stdin.flush()).catch(() => {}); // it may have left already
    },
    /** The answer to one request, sent now. */
    async ask(message: { id: unknown }): Promise<Answer> {
      this.send(message);
      for (;;) {
        const next = await line();
        if (next === undefined) throw new Error("the server has gone");
        const answer = JSON.parse(next) as Answer;
        if (answer.id === message.id) return answer;
      }
    },
    /** Every line that is still to come. */
    async remaining(): Promise<string[]> {
      const all: string[] = [];
      for (let next = await line(); next !== undefined; next = await line()) all.push(next);
      return all;
    },
    hangUp: () => server.stdin.end(),
    stopReading: () => reader.cancel(),
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      await server.exited;
    },
  };
}

/** Waits until processes are gone; gives those that are not in time. */
export async function survivors(pids: readonly number[], milliseconds: number): Promise<number[]> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const left = pids.filter(isAlive);
    if (left.length === 0 || Date.now() > deadline) return left;
    await Bun.sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    if (process.platform !== "linux") return process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8")); // one that only waits to be reaped is gone
  } catch {
    return false; // no such process
  }
}
