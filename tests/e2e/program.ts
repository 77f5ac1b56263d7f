import { existsSync } from "node:fs";
import { join } from "node:path";
import { temporary } from "../temporary.ts";

/** The compiled program under test: a release's, or what `bun run build` made. */
export const binary = process.env.KIOKU_BIN ?? join(import.meta.dir, "../../dist/kioku-mesh");

/** What one command did. */
export interface Ran {
  out: string;
  err: string;
  status: number;
}

/** A home of its own, in which the compiled program runs. Gone when its variable goes out of scope. */
export function home(env: { [name: string]: string } = {}, directory?: string) {
  if (!existsSync(binary)) throw new Error(`${binary} is missing: bun run build`);
  const files = temporary();
  const state = directory ?? files.at("state");
  const database = join(state, "memory.db");
  const environment = { HOME: files.path, PATH: process.env.PATH!, KIOKU_MESH_STATE_DIR: state, ...env };
  const started = new Set<Bun.Subprocess>();

  /** Starts a command; `wrapper` goes before it. */
  function start(args: string[], wrapper: string[] = []) {
    const child = Bun.spawn([...wrapper, binary, ...args], {
      env: environment,
      cwd: files.path,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    started.add(child);
    return child;
  }

  return {
    path: files.path,
    state,
    database,
    start,

    async run(args: string[], wrapper: string[] = []): Promise<Ran> {
      const child = start(args, wrapper);
      await child.stdin.end();
      const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      return { out, err, status: await child.exited };
    },

    /** An agent's server. */
    serve: (wrapper: string[] = []) => agent(start(["mcp", "serve"], wrapper)),

    async [Symbol.asyncDispose]() {
      for (const child of started) child.kill("SIGKILL");
      await Promise.all([...started].map((child) => child.exited));
      files[Symbol.dispose]();
    },
  };
}

interface Answer {
  isError?: boolean;
  content: { text: string }[];
}

/** Speaks to a server on its standard input and output, as an agent does. */
export function agent(child: Bun.Subprocess<"pipe", "pipe", "pipe" | "ignore">) {
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(reason: Error): void }>();
  let requests = 0;
  let ended = false;

  function send(message: object): void {
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  function request(method: string, params: object): Promise<Answer> {
    const id = ++requests;
    const answer = new Promise<Answer>((resolve, reject) => {
      if (ended) reject(new Error("the server has ended"));
      waiting.set(id, { resolve, reject });
    });
    send({ id, method, params });
    return answer;
  }

  async function listen(): Promise<void> {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const { id, result, error } = JSON.parse(line) as { id: number; result?: Answer; error?: object };
        if (result) waiting.get(id)?.resolve(result);
        else waiting.get(id)?.reject(new Error(JSON.stringify(error)));
        waiting.delete(id);
      }
    }
    ended = true;
    for (const { reject } of waiting.values()) reject(new Error("the server has ended"));
  }
  void listen();

  return {
    child,
    async initialize(): Promise<void> {
      await request("initialize", {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      });
      send({ method: "notifications/initialized" });
    },
    /** A tool's answer: its text. Throws where it refuses. */
    async call(name: string, args: object): Promise<string> {
      const { isError, content } = await request("tools/call", { name, arguments: args });
      if (isError) throw new Error(content[0]!.text);
      return content[0]!.text;
    },
    async end(): Promise<void> {
      await child.stdin.end();
      await child.exited;
    },
  };
}
