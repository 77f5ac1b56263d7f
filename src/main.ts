import "./core/zod-config.ts";
import { homedir } from "node:os";
import { basename } from "node:path";
import type { Program } from "./cli/run.ts";
import { openHost } from "./host/host.ts";
import { openTerminal } from "./host/terminal.ts";
import type { Self } from "./ops/context.ts";
import { openContext, type Build } from "./ops/open.ts";

declare const KIOKU_VERSION: string; // inlined by build/compile.ts

const now = () => new Date();

/** The process, for commands that go on until told to end. */
const self: Self = {
  interrupted: () =>
    new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    }),
  isArgument: (text) => process.argv.some((word) => word.trim() === text.trim()),
  async replace(args) {
    await terminal.flush();
    return process.exit(await (await import("./host/replace.ts")).replaceProcess(process.execPath, args));
  },
};

const build: Build = {
  self,
  async mesh(ctx) {
    const { openMeshControl } = await import("./mesh/control.ts");
    return openMeshControl({ ctx, env: process.env, platform: process.platform });
  },
  async startThread() {
    const { openTokenThread } = await import("./store/token-thread.ts");
    Bun.unsafe.setJITPolicy(1); // there is much to do: see build/compile.ts
    return openTokenThread(new Worker(Bun.main)); // this file again: a worker's file of its own would have to be found
  },
  version: typeof KIOKU_VERSION === "string" ? KIOKU_VERSION : "0.0.0-dev",
  binary: process.execPath,
  now,
  newId: () => crypto.randomUUID().replaceAll("-", ""),
  host: openHost({
    env: process.env,
    platform: process.platform,
    homeDirectory: homedir,
    workingDirectory: () => process.cwd(),
    now,
  }),
};

const program: Program = {
  version: build.version,
  open: (options) => openContext(build, options),
  async serve() {
    const { context, close } = openContext(build, { rebuild: false, brief: false });
    const status = await (await import("./mcp/serve.ts")).serve(context).finally(close);
    process.exit(status); // every answer is written, and nothing that a library left open may keep us
  },
};

const terminal = openTerminal({
  stdin: Bun.stdin,
  stdout: Bun.stdout,
  stderr: Bun.stderr,
  isInteractive: async () => (await import("node:tty")).isatty(0), // costs 5 ms, and is seldom asked
  isWatched: async (descriptor) => (await import("node:tty")).isatty(descriptor),
  onInterrupt(callback) {
    process.on("SIGINT", callback);
    return () => process.off("SIGINT", callback);
  },
  readHidden: async (ask) => (await import("./host/hidden.ts")).readHidden(process.stdin, ask),
});

// Links to one binary: the name it was called by decides what it is.
const served = basename(process.argv0).startsWith("kioku-mesh-mcp");
const argv = served ? ["mcp", "serve"] : process.argv.slice(2);

/** An agent waits for its server: that loads neither the command line nor, before it has answered, any operation. */
async function start(): Promise<number> {
  if (argv[0] === "mcp" && argv[1] === "serve" && argv.length === 2) return await program.serve();
  return await (await import("./cli/run.ts")).run(argv, program, terminal);
}

// The exit status is set: process.exit() would cut off output that is still on its way into a pipe.
if (Bun.isMainThread) process.exitCode = await start();
else (await import("./store/token-thread.ts")).serveTokens(globalThis as unknown as Worker);
