import { existsSync, readFileSync } from "node:fs";

/** The middle of some numbers. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The value below which a share of the numbers lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** Milliseconds that a piece of work takes. */
export async function timed(work: () => unknown): Promise<number> {
  const start = Bun.nanoseconds();
  await work();
  return (Bun.nanoseconds() - start) / 1e6;
}

/** What a command takes. */
interface Cost {
  /** Milliseconds as a shell waits for it, and of processor time. */
  time: number;
  processor: number;
}

/** What one run of a command took. Throws where it fails. */
export function costOf(command: string[], env: { [name: string]: string }): Cost {
  const start = Bun.nanoseconds();
  const { exitCode, stderr, resourceUsage } = Bun.spawnSync(command, { env, stdin: "ignore", stdout: "ignore" });
  const time = (Bun.nanoseconds() - start) / 1e6;
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${exitCode} ${String(stderr)}`);
  return { time, processor: Number(resourceUsage.cpuTime.total) / 1e3 };
}

/**
 * The same of a command that takes long, and megabytes of memory at its most (Linux). The kernel's own maximum for a child
 * (`maxRSS`) counts what its parent held when it started it.
 */
export async function costAndPeak(command: string[], env: { [name: string]: string }) {
  const start = Bun.nanoseconds();
  const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  let memory = 0;
  const timer = setInterval(() => {
    const path = `/proc/${child.pid}/status`;
    const status = existsSync(path) ? readFileSync(path, "utf8") : "";
    memory = Math.max(memory, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
  }, 50);
  const exitCode = await child.exited.finally(() => clearInterval(timer));
  const time = (Bun.nanoseconds() - start) / 1e6;
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${exitCode} ${await new Response(child.stderr).text()}`);
  return { time, processor: Number(child.resourceUsage()!.cpuTime.total) / 1e3, memory };
}

export function commandTime(command: string[], env: { [name: string]: string }): number {
  return costOf(command, env).time;
}

/**
 * Measures several things in turns, so that what disturbs the machine meanwhile disturbs all of them. The first turn warms
 * up and is dropped.
 */
export async function inTurns<Name extends string>(
  turns: number,
  works: { [name in Name]: (turn: number) => number | Promise<number> },
): Promise<{ [name in Name]: number[] }> {
  const names = Object.keys(works) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as { [name in Name]: number[] };
  for (let turn = 0; turn <= turns; turn++) {
    for (const name of names) {
      const time = await works[name](turn);
      if (turn > 0) times[name].push(time);
    }
  }
  return times;
}

/**
 * Megabytes of memory that a process holds, by its proportional share, and without the pages of files, its program's
 * above all, which the system shares and can drop (Linux).
 */
export async function memoryOf(pid: number): Promise<{ rss: number; pss: number; own: number }> {
  const text = await Bun.file(`/proc/${pid}/smaps_rollup`).text();
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)![1]) / 1024;
  return { rss: megabytes("Rss"), pss: megabytes("Pss"), own: megabytes("Anonymous") };
}
