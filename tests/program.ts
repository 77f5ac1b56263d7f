import { join } from "node:path";
import type { Ran } from "./world.ts";

/** The program as a process: the file that KIOKU_BIN names (a build to be tested), else the sources. */
export const program = process.env.KIOKU_BIN
  ? [process.env.KIOKU_BIN]
  : [process.execPath, join(import.meta.dir, "../src/main.ts")];

interface Conditions {
  env?: { [name: string]: string };
  cwd?: string;
  stdin?: Uint8Array | "ignore";
}

/** Starts the program with nothing in its environment but PATH and what is given. */
export function start(argv: string[], { env = {}, cwd = "/", stdin = "ignore" }: Conditions = {}) {
  return Bun.spawn([...program, ...argv], {
    cwd,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs the program to its end. */
export async function ran(argv: string[], conditions?: Conditions): Promise<Ran> {
  const started = start(argv, conditions);
  const [out, err, exitCode] = await Promise.all([
    new Response(started.stdout).text(),
    new Response(started.stderr).text(),
    started.exited,
  ]);
  return { out, err, exitCode };
}

/** A shell command line in which `$KIOKU` is the program. */
export async function shell(line: string, conditions: Conditions = {}): Promise<Ran> {
  const quoted = program.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const started = Bun.spawn(["bash", "-c", line.replaceAll("$KIOKU", quoted)], {
    cwd: conditions.cwd ?? "/",
    env: { PATH: process.env.PATH ?? "", ...conditions.env },
    stdin: conditions.stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, exitCode] = await Promise.all([
    new Response(started.stdout).text(),
    new Response(started.stderr).text(),
    started.exited,
  ]);
  return { out, err, exitCode };
}
