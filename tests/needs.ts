import { test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

const shared = join(import.meta.dir, "../../shared");

/** What a test may need beside Bun and a user's rights, and how to see whether it is here. */
const needs = {
  root: () => process.getuid?.() === 0,
  "network namespaces": () => process.getuid?.() === 0 && runs("ip", "netns", "list"),
  mounts: () => process.getuid?.() === 0 && runs("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"),
  strace: () => runs("strace", "-V"),
  openssl: () => Bun.which("openssl") !== null,
  git: () => Bun.which("git") !== null,
  bash: () => Bun.which("bash") !== null,
  script: () => runs("script", "--version"),
  zsh: () => Bun.which("zsh") !== null,
  fish: () => Bun.which("fish") !== null,
  dash: () => Bun.which("dash") !== null,
  shellcheck: () => Bun.which("shellcheck") !== null,
  faketime: () => Bun.which("faketime") !== null,
  "a /proc": () => existsSync("/proc/self/task"),
  wine: () => Bun.which("wine") !== null && Bun.which("x86_64-w64-mingw32-gcc") !== null,
  "a router": () => existsSync(join(shared, "zenoh")) || process.env.KIOKU_ROUTER_DIR !== undefined,
  "the agents' programs": () => process.env.KIOKU_AGENTS !== undefined,
  "the Python original": () => process.env.KIOKU_ORIGINAL !== undefined,
} as const;
export type Need = keyof typeof needs;

const seen = new Map<Need, boolean>();

/** Whether this machine has what a test needs. */
export function has(need: Need): boolean {
  if (!seen.has(need)) seen.set(need, needs[need]());
  return seen.get(need)!;
}

/** `test`, or a skip whose name says what is missing: the run's summary counts these with their reasons. */
export function testWith(...wanted: Need[]) {
  const missing = wanted.filter((need) => !has(need));
  if (missing.length === 0) return test;
  return (name: string, body: () => void | Promise<unknown>, timeout?: number) =>
    test.skip(`${name} [needs ${missing.join(", ")}]`, body, timeout);
}

function runs(...command: string[]): boolean {
  if (Bun.which(command[0]!) === null) return false;
  return Bun.spawnSync(command, { stdio: ["ignore", "ignore", "ignore"] }).exitCode === 0;
}
