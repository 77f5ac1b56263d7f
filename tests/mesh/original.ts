import { mkdirSync } from "node:fs";
import { join } from "node:path";

/**
 * The Python original, asked again and again by one process, for its start takes most of a second. It runs its own
 * command line; beside that it puts, deletes and reads what any program at the router can.
 */
const script = `
import contextlib, io, json, os, sys, traceback
import zenoh
from kioku_mesh.__main__ import main
from kioku_mesh.memory.store import _reset_index, search_observations

def run(argv):
    _reset_index()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(argv)
        except SystemExit as end:
            status = end.code
        except Exception:
            traceback.print_exc()
            status = 1
    return {"out": out.getvalue(), "err": err.getvalue(), "status": status}

def open_session():
    config = zenoh.Config()
    config.insert_json5("mode", '"client"')
    config.insert_json5("connect/endpoints", json.dumps([os.environ["ZENOH_CONNECT"]]))
    config.insert_json5("connect/timeout_ms", "20000")
    return zenoh.open(config)

def listen():
    _reset_index()
    heard("")

def heard(query):
    return [one.observation_id for one in search_observations(query)]

def put(key, text):
    with open_session() as session:
        session.put(key, text)

def delete(key):
    with open_session() as session:
        session.delete(key)

def dump(selector):
    with open_session() as session:
        replies = [reply.ok for reply in session.get(selector, timeout=5.0) if reply.ok]
        return {str(one.key_expr): bytes(one.payload).decode("latin-1") for one in replies}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    answer = {"run": run, "listen": listen, "heard": heard, "put": put, "delete": delete, "dump": dump}[name](*arguments)
    print(json.dumps(answer), flush=True)
os._exit(0) # a session that still hears would keep it
`;

export interface Answer {
  out: string;
  err: string;
  status: number;
}

export interface Original extends AsyncDisposable {
  /** Runs one command to its end, which must be a good one. */
  run(...argv: string[]): Promise<Answer>;
  /** Saves a memory and gives its id. */
  save(content: string, ...more: string[]): Promise<string>;
  /** What a search gives in JSON, of what the router has now. */
  search(query: string): Promise<{ [field: string]: unknown }[]>;
  /** What its checks found: pass, warn or fail, by name. */
  doctor(): Promise<{ [name: string]: string }>;
  /** Begins to hear, as its MCP server does. Until the next command. */
  listen(): Promise<void>;
  /** The ids that a search finds among what it has heard. */
  heard(query: string): Promise<string[]>;
  put(key: string, text: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** What the routers' storages answer, by key. */
  dump(selector: string): Promise<Map<string, string>>;
}

/** The file that its `init` writes for a zenohd, and where its unit lets that keep its storage. */
export const originalRouterFile = (home: string) => join(home, ".config", "kioku-mesh", "zenohd.json5");
export const originalStorage = (home: string) => join(home, ".local", "share", "kioku-mesh");

/** Starts the original with a home of its own; `command` leads to the machine on which it runs. */
export function startOriginal(command: string[], home: string, connect: string): Original {
  mkdirSync(home, { recursive: true });
  const bin = join(process.env.KIOKU_ORIGINAL!, "bin");
  const env = {
    HOME: home,
    PATH: `${bin}:${process.env.PATH}`,
    ZENOH_CONNECT: connect,
    KIOKU_MESH_AGENT_FAMILY: "claude",
    KIOKU_MESH_CLIENT_ID: "python",
    KIOKU_MESH_TEAM_ID: "a-team",
  };
  const child = Bun.spawn([...command, join(bin, "python"), "-c", script], {
    env,
    cwd: home,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(child.stdout);

  async function ask(...words: unknown[]): Promise<unknown> {
    child.stdin.write(`${JSON.stringify(words)}\n`);
    child.stdin.flush();
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`the Python original has ended: ${JSON.stringify(words)}`);
    return JSON.parse(value);
  }

  async function run(...argv: string[]): Promise<Answer> {
    const answer = (await ask("run", argv)) as Answer;
    if (answer.status !== 0) throw new Error(`${argv.join(" ")}: status ${answer.status}: ${answer.err}`);
    return answer;
  }

  return {
    run,
    async save(content, ...more) {
      const { out } = await run("save", content, "--subject", content, "--summary", content, ...more);
      return /^saved: ([0-9a-f]{32})/.exec(out)![1]!;
    },
    search: async (query) => JSON.parse((await run("--rebuild", "search", query, "--format", "json")).out),
    async doctor() {
      const { out } = (await ask("run", ["doctor", "--json"])) as Answer;
      const { checks } = JSON.parse(out) as { checks: { name: string; status: string }[] };
      return Object.fromEntries(checks.map(({ name, status }) => [name, status]));
    },
    listen: async () => void (await ask("listen")),
    heard: async (query) => (await ask("heard", query)) as string[],
    put: async (key, text) => void (await ask("put", key, text)),
    delete: async (key) => void (await ask("delete", key)),
    dump: async (selector) => new Map(Object.entries((await ask("dump", selector)) as { [key: string]: string })),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  return undefined;
}
