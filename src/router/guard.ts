import { UserError } from "../core/errors.ts";

/** A router's process, which does not outlive ours. */
export interface GuardedProcess {
  pid: number;
  /** How it ended, in words: resolves when it has. */
  ended: Promise<string>;
  /** Ends it, and resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * A shell that becomes the program (so `$$` is the program's own id) and leaves a watcher behind, which waits for the end of
 * its standard input: a pipe that our process holds. It ends when we close it, exit, crash or are killed with `kill -9`,
 * and then the watcher kills the program. All are one process group, whose id no other process can get while the watcher
 * lives, so it never kills a stranger. Files that the program makes are for their owner alone.
 */
const guardScript =
  "umask 077; exec 3<&0 </dev/null; " +
  '(while read -r _ <&3; do :; done; kill -9 $$) >/dev/null 2>&1 & exec "$@" 3<&-';

const stopDeadlineMs = 3_000;

export interface GuardedOptions {
  directory: string;
  env: { [name: string]: string };
  platform?: NodeJS.Platform;
  /** Called for each line that the process prints, without colours. */
  onLine: (line: string) => void;
}

/**
 * Starts a program that ends when this process does. Windows needs no guard: there Bun's children are in a job that the
 * system ends with their parent (oven-sh/bun#31603). Throws UserError `unavailable` where it cannot be started.
 */
export function startGuarded(command: string[], options: GuardedOptions): GuardedProcess {
  const windows = (options.platform ?? process.platform) === "win32";
  const child = spawn(windows ? command : ["/bin/sh", "-c", guardScript, "kioku-mesh-guard", ...command], options, {
    detached: !windows, // a group of its own: Ctrl-C at the terminal is for us to handle
  });
  const printed = Promise.all([child.stdout, child.stderr].map((stream) => readLines(stream, options.onLine)));
  const ended = Promise.all([child.exited, printed]).then(() => describeEnd(child.signalCode, child.exitCode));
  return {
    pid: child.pid,
    ended,
    async stop() {
      if (windows) child.kill();
      else await child.stdin.end();
      const late = setTimeout(() => killGroup(child.pid), stopDeadlineMs);
      await ended;
      clearTimeout(late);
    },
  };
}

function spawn(command: string[], { directory, env }: GuardedOptions, { detached }: { detached: boolean }) {
  try {
    return Bun.spawn(command, { cwd: directory, env, stdin: "pipe", stdout: "pipe", stderr: "pipe", detached });
  } catch (cause) {
    throw new UserError("unavailable", `the router cannot be started: ${(cause as Error).message}`, { cause });
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // gone already
  }
}

function describeEnd(signal: NodeJS.Signals | number | null, status: number | null): string {
  return signal ? `was killed by ${signal}` : `ended with status ${status}`;
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(Bun.stripANSI(line).trimEnd());
  }
  if (rest !== "") onLine(Bun.stripANSI(rest));
}
