/** The compiled program as an agent's hook: what its pipes do to it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, hostTarget } from "../../build/compile.ts";

const home = mkdtempSync(join(tmpdir(), "kioku-hook-"));
const repo = join(home, "atlas");
const env = { HOME: home };
let binary: string;

beforeAll(async () => {
  binary = await compile(hostTarget(), join(home, "built"));
  mkdirSync(join(repo, ".git"), { recursive: true });
  Bun.spawnSync([binary, "save", "remembered", "-p", "atlas"], { env });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const event = JSON.stringify({ hook_event_name: "SessionStart", cwd: repo });

/** Starts the hook with a pipe as standard input, which stays open. */
function started(cwd: string) {
  return Bun.spawn([binary, "hook", "session-start"], {
    env,
    cwd,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
  });
}
const outputOf = (hook: ReturnType<typeof started>) => new Response(hook.stdout).text();

test("an agent that writes its event and keeps the pipe open is answered", async () => {
  const hook = started(home);
  hook.stdin.write(event);
  await hook.stdin.flush();
  expect(JSON.parse(await outputOf(hook)).hookSpecificOutput.additionalContext).toContain("remembered");
  expect(await hook.exited).toBe(0);
});

test("a pipe that stays open without a word does not hold it", async () => {
  const hook = started(repo);
  expect(await outputOf(hook)).toContain("remembered");
  expect(await hook.exited).toBe(0);
});

test("a flood on standard input does not hold it", async () => {
  const hook = started(repo);
  const writing = (async () => {
    for (let i = 0; i < 64; i++) {
      hook.stdin.write("x".repeat(1 << 16));
      await hook.stdin.flush();
    }
  })().catch(() => undefined); // it does not read to the end
  expect(await outputOf(hook)).toContain("remembered");
  expect(await hook.exited).toBe(0);
  await writing;
});

test("without a standard input, and to a reader that is gone, it exits 0", () => {
  const sh = (script: string) => Bun.spawnSync(["sh", "-c", script, "sh", binary], { env, cwd: repo });
  expect(sh('"$1" hook session-start <&-').stdout.toString()).toContain("remembered");
  expect(sh('{ "$1" hook session-start; echo $? >&2; } </dev/null | true').stderr.toString()).toBe("0\n");
});
