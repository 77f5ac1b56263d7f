import { expect, test } from "bun:test";
import { join } from "node:path";
import { acquireLock, isLocked } from "../../src/store/lock.ts";
import { temporary } from "../temporary.ts";

const module = join(import.meta.dir, "../../src/store/lock.ts");

/** What another process gets when it asks for the lock. */
function elsewhere(path: string): string {
  const script = `
    const { acquireLock } = await import(${JSON.stringify(module)});
    console.log(acquireLock(${JSON.stringify(path)}) ? "got it" : "held");`;
  return String(Bun.spawnSync([process.execPath, "-e", script]).stdout).trim();
}

test("one process at a time holds it, and asking about it takes it from nobody", () => {
  using files = temporary();
  const path = files.at("lock.db");
  const release = acquireLock(path)!;
  expect(elsewhere(path)).toBe("held");
  expect(isLocked(path)).toBe(true);
  expect(acquireLock(path)).toBeUndefined();
  expect(elsewhere(path)).toBe("held"); // closing the file here would have dropped the lock
  release();
  expect(elsewhere(path)).toBe("got it");
});

test("a holder that is killed gives it back", async () => {
  using files = temporary();
  const path = files.at("lock.db");
  const script = `
    const { acquireLock } = await import(${JSON.stringify(module)});
    globalThis.release = acquireLock(${JSON.stringify(path)});
    console.log("got it"); process.stdin.once("end", () => process.exit()).resume();`;
  const holder = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
  try {
    await holder.stdout.getReader().read();
    expect(isLocked(path)).toBe(true);
  } finally {
    holder.kill("SIGKILL");
    await holder.exited;
  }
  expect(isLocked(path)).toBe(false);
});

test("asking where there is none creates none", () => {
  using files = temporary();
  expect(isLocked(files.at("lock.db"))).toBe(false);
  expect(Array.from(new Bun.Glob("*").scanSync(files.path))).toEqual([]);
});

test("asking is never in the way of who takes it", async () => {
  using files = temporary();
  const path = files.at("lock.db");
  acquireLock(path)!();
  const script = `
    const { isLocked } = await import(${JSON.stringify(module)});
    console.log("asking");
    for (;;) isLocked(${JSON.stringify(path)});`;
  const asking = [1, 2].map(() => Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" }));
  try {
    for (const { stdout } of asking) await stdout.getReader().read();
    for (let i = 0; i < 1_000; i++) {
      const release = acquireLock(path);
      expect(release).toBeDefined();
      release!();
    }
  } finally {
    for (const child of asking) child.kill("SIGKILL");
    await Promise.all(asking.map(({ exited }) => exited));
  }
});
