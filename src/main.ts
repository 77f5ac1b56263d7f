import "./core/zod-config.ts";
import { randomUUID } from "node:crypto";
import { homedir } from "node:os";
import { basename } from "node:path";
import type { Program } from "./cli/run.ts";
import { openHost } from "./host/host.ts";
import { openTerminal } from "./host/terminal.ts";
import { openContext, type Build } from "./ops/open.ts";

declare const KIOKU_VERSION: string; // inlined by build/compile.ts

const now = () => new Date();

const build: Build = {
  version: typeof KIOKU_VERSION === "string" ? KIOKU_VERSION : "0.0.0-dev",
  binary: process.execPath,
  now,
  newId: () => randomUUID().replaceAll("-", ""),
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
    const { context, close } = openContext(build, { rebuild: false });
    return await (await import("./mcp/serve.ts")).serve(context).finally(close);
  },
};

const terminal = openTerminal({
  stdin: Bun.stdin,
  stdout: Bun.stdout,
  stderr: Bun.stderr,
  isInteractive: async () => (await import("node:tty")).isatty(0), // costs 5 ms, and is seldom asked
  onInterrupt(callback) {
    process.on("SIGINT", callback);
    return () => process.off("SIGINT", callback);
  },
});

// Links to one binary: the name it was called by decides what it is.
const served = basename(process.argv0).startsWith("kioku-mesh-mcp");
const argv = served ? ["mcp", "serve"] : process.argv.slice(2);

/** An agent waits for its server: that loads neither the command line nor, before it has answered, any operation. */
async function start(): Promise<number> {
  if (argv[0] === "mcp" && argv[1] === "serve" && argv.length === 2) return await program.serve();
  return await (await import("./cli/run.ts")).run(argv, program, terminal);
}

// Set, never process.exit(): exiting would cut off output still on its way into a pipe.
process.exitCode = await start();
