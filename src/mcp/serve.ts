import { fstatSync } from "node:fs";
import type { Context } from "../ops/context.ts";
import { createServer } from "./server.ts";
import { lineTransport } from "./transport.ts";

/** How long calls in flight may take to finish once the client is gone, in milliseconds. */
const patience = 5_000;
/** How often the parent process is looked for, in milliseconds. */
const parentInterval = 2_000;
const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Serves an agent on stdio until its input ends, its output is closed, a signal asks for the end, or the process that
 * started us is gone; then finishes the calls in flight and gives the exit status.
 */
export async function serve(ctx: Context): Promise<number> {
  if ((await isTerminal()) && !allowsTerminal(process.env)) {
    await Bun.write(Bun.stderr, usage);
    return 2;
  }
  console.log = console.info = console.debug = console.error; // stdout is for JSON-RPC, whatever a library thinks
  const transport = lineTransport(Bun.stdin.stream(), (line) => Bun.write(Bun.stdout, line));
  const server = createServer(ctx, () => Bun.unsafe.setJITPolicy(1)); // build/compile.ts sets another for a start
  const ending = Promise.race([transport.hungUp.then(() => 0), signalled(), orphaned()]);
  await server.connect(transport);
  const status = await ending;
  if (!(await isDone(transport.finish(), patience))) process.exit(status); // a call hangs, or nobody reads our answers
  await server.close();
  return status;
}

function signalled(): Promise<number> {
  return new Promise((resolve) => {
    for (const [name, number] of Object.entries(signals)) process.once(name, () => resolve(128 + number));
  });
}

/**
 * Resolves when the parent has died while something else keeps our input open, such as a sibling that inherited the
 * pipe. The parent is noted late: a launcher that hands the pipe over and leaves at once is not what we wait for.
 */
function orphaned(): Promise<number> {
  return new Promise((resolve) => {
    let parent: number | undefined;
    const timer = setInterval(() => {
      parent ??= process.ppid;
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve(0);
    }, parentInterval);
    timer.unref();
  });
}

async function isDone(work: Promise<void>, milliseconds: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, milliseconds, false);
  const done = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

/** True where standard input is a terminal. Loads node:tty (5 ms) only for a device, which an agent never gives us. */
async function isTerminal(): Promise<boolean> {
  try {
    return fstatSync(0).isCharacterDevice() && (await import("node:tty")).isatty(0);
  } catch {
    return false; // a closed standard input is none, and ends at once
  }
}

function allowsTerminal(env: { [name: string]: string | undefined }): boolean {
  return (env.KIOKU_MESH_MCP_ALLOW_TTY || env.MESH_MEM_MCP_ALLOW_TTY) === "1";
}

const usage = `kioku-mesh-mcp is the MCP server of kioku-mesh. An agent starts it and speaks JSON-RPC with it over pipes;
it is of no use at a terminal. To register it with an agent:

  kioku-mesh mcp install --client claude-code
  kioku-mesh mcp install --client codex-cli

To see that it starts and leaves again: kioku-mesh-mcp < /dev/null
To type JSON-RPC by hand: MESH_MEM_MCP_ALLOW_TTY=1 kioku-mesh-mcp
`;
