import { run, type Terminal } from "../src/cli/run.ts";
import { openHost } from "../src/host/host.ts";
import type { Env } from "../src/host/variables.ts";
import { openMeshControl } from "../src/mesh/control.ts";
import { openContext, type Build } from "../src/ops/open.ts";
import { openTokenThread } from "../src/store/token-thread.ts";
import { temporary } from "./temporary.ts";

/** What one command line did. */
export interface Ran {
  out: string;
  err: string;
  /** What a person who watches stderr sees besides. */
  drawn?: string;
  exitCode: number;
}

interface Conditions {
  env?: Env;
  /** What standard input holds. */
  stdin?: string | Uint8Array;
  /** The lines a person types when asked; absent: nobody is at the terminal. */
  typed?: string[];
  /** Where it runs. */
  directory?: string;
}

/** A machine of its own in a temporary directory, with a clock to set, whose commands run in this process. */
export function world(initial: Env = {}) {
  const files = temporary();
  const home = files.path;
  const clock = { now: new Date("2026-11-22T06:38:15.659Z") };
  const identity = { MESH_MEM_AGENT_FAMILY: "claude", MESH_MEM_CLIENT_ID: "claude-code", MESH_MEM_SESSION_ID: "s-1" };

  function build(env: Env, directory: string): Build {
    const now = () => clock.now;
    return {
      version: "1.2.3",
      binary: "/opt/kioku-mesh",
      now,
      newId: () => crypto.randomUUID().replaceAll("-", ""),
      self: {
        interrupted: async () => {},
        isArgument: () => false,
        replace: async () => {
          throw new Error("a test does not become another program");
        },
      },
      startThread: async () => openTokenThread(new Worker(new URL("store/token-thread.worker.ts", import.meta.url))),
      mesh: async (ctx) => openMeshControl({ ctx, env: { HOME: home, ...env }, platform: "linux" }),
      host: openHost({
        env: { HOME: home, ...identity, ...initial, ...env },
        platform: "linux",
        homeDirectory: () => "",
        workingDirectory: () => directory,
        now,
      }),
    };
  }

  async function kioku(
    argv: string[],
    { env = {}, stdin = "", typed, directory = home }: Conditions = {},
  ): Promise<Ran> {
    const said: Omit<Ran, "exitCode"> = { out: "", err: "" };
    const lines = typed && [...typed];
    const terminal: Terminal = {
      out: async (text) => void (said.out += text),
      err: async (text) => void (said.err += text),
      draw: async (text) => void (said.drawn = (said.drawn ?? "") + text),
      stream: () => chunks(Buffer.from(stdin)),
      read: async (most) => Buffer.from(stdin).subarray(0, most),
      peek: async () => Buffer.from(stdin),
      askSecret: async () => (lines ? (lines.shift() ?? "") : undefined),
      async ask(prompt) {
        if (!lines) return "nobody";
        said.out += prompt;
        return { line: lines.shift() };
      },
    };
    const machine = build(env, directory);
    const program = {
      version: machine.version,
      open: (options: Parameters<typeof openContext>[1]) => openContext(machine, options),
      serve: async () => 0,
    };
    const exitCode = await run(argv, program, terminal);
    return { ...said, exitCode };
  }

  return {
    home,
    files,
    clock,
    kioku,
    /** Saves and gives the id. */
    async save(...argv: string[]): Promise<string> {
      const { out, err } = await kioku(["save", ...argv]);
      if (!out.startsWith("saved: ")) throw new Error(err);
      return out.trim().slice("saved: ".length);
    },
    /** The context of a command on this machine, for what no command shows. */
    context: (env: Env = {}) => openContext(build(env, home), { rebuild: false, brief: false }),
    /** Lets time pass. */
    pass(milliseconds: number): void {
      clock.now = new Date(clock.now.getTime() + milliseconds);
    },
    [Symbol.dispose]: files[Symbol.dispose],
  };
}

/** Bytes as they come through a pipe: cut anywhere. */
async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let from = 0; from < bytes.length; from += 1_000) yield bytes.subarray(from, from + 1_000);
}
