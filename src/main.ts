import { randomUUID } from "node:crypto";
import { homedir } from "node:os";
import { basename } from "node:path";
import { run, type Program } from "./cli/run.ts";
import { UserError } from "./core/errors.ts";
import { timestamp } from "./core/time.ts";
import { makePrivateDirectory, writePrivateFile } from "./host/files.ts";
import { openHost } from "./host/host.ts";
import { openTerminal } from "./host/terminal.ts";
import type { Context } from "./ops/context.ts";
import { openStore, type Store } from "./store/store.ts";

declare const KIOKU_VERSION: string; // inlined by build/compile.ts

const version = typeof KIOKU_VERSION === "string" ? KIOKU_VERSION : "0.0.0-dev";
const now = () => new Date();
const host = openHost({
  env: process.env,
  platform: process.platform,
  homeDirectory: homedir,
  workingDirectory: () => process.cwd(),
  now,
});

let store: Store | undefined;

function openedStore({ note }: Pick<Context, "note">): Store {
  if (store) return store;
  const { backend } = host.settings();
  if (backend !== "local") {
    throw new UserError("usage", `the mesh (backend: ${backend}) is not in this build`, {
      hint: `for a memory of this machine alone write \`backend: local\` in ${host.paths().config}`,
    });
  }
  for (const line of host.idleVariables()) note?.(`warning: ${line}`);
  makePrivateDirectory(host.paths().stateDirectory);
  return (store = openStore(host.paths().database, () => timestamp(now())));
}

function context(options: Pick<Context, "note" | "confirm">): Context {
  return {
    version,
    binary: process.execPath,
    get paths() {
      return host.paths();
    },
    store: () => openedStore(options),
    now,
    newId: () => randomUUID().replaceAll("-", ""),
    who: host.who,
    settings: host.settings,
    projectHere: host.projectHere,
    idleVariables: host.idleVariables,
    writeFile: writePrivateFile,
    ...options,
  };
}

const program: Program = {
  version,
  open: ({ rebuild: _, ...options }) => context(options),
  serve: async () => (await import("./mcp/serve.ts")).serve(context({})),
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

// Set, never process.exit(): exiting would cut off output still on its way into a pipe.
process.exitCode = await run(argv, program, terminal);
store?.close();
