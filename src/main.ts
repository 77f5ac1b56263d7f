import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import { run, type Program, type Terminal } from "./cli/run.ts";
import { timestamp } from "./core/time.ts";
import { makePrivateDirectory, openHost } from "./host/host.ts";
import type { Context } from "./ops/context.ts";
import { openStore, type Store } from "./store/store.ts";

declare const KIOKU_VERSION: string; // inlined by build/compile.ts

const version = typeof KIOKU_VERSION === "string" ? KIOKU_VERSION : "0.0.0-dev";
const now = () => new Date();
const host = openHost(process.env, process.platform, () => process.cwd(), now);

let store: Store | undefined;
function openedStore(): Store {
  if (store) return store;
  makePrivateDirectory(host.paths.stateDirectory);
  return (store = openStore(host.paths.database, () => timestamp(now())));
}

const terminal: Terminal = {
  out: (text) => write(Bun.stdout, text),
  err: (text) => write(Bun.stderr, text),
  stdin: () => Bun.stdin.text(),
};

function context({ rebuild }: { rebuild: boolean }): Context {
  return {
    version,
    paths: host.paths,
    store: openedStore,
    now,
    newId: () => randomUUID().replaceAll("-", ""),
    who: host.who,
    settings: () => ({ ...host.settings(), rebuild }),
    projectHere: host.projectHere,
    note: (line) => void terminal.err(`${line}\n`),
  };
}

const program: Program = {
  version,
  open: context,
  serve: async () => (await import("./mcp/serve.ts")).serve(context({ rebuild: false })),
};

// Links to one binary: the name it was called by decides what it is.
const served = basename(process.argv0).startsWith("kioku-mesh-mcp");
const argv = served ? ["mcp", "serve"] : process.argv.slice(2);

// Set, never process.exit(): exiting would cut off output still on its way into a pipe.
process.exitCode = await run(argv, program, terminal);
store?.close();

/** Not process.stdout: merely touching it costs 8 ms of start-up, and a closed pipe would throw past us. */
async function write(to: typeof Bun.stdout, text: string): Promise<void> {
  await Bun.write(to, text).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error; // `| head` is not a failure
  });
}
