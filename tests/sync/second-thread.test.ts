/** The second thread of a large catch-up: when it is there, what it is given, and what becomes of records without it. */
import { expect, test } from "bun:test";
import type { Record } from "../../src/core/record.ts";
import type { Tokens, TokenThread } from "../../src/store/token-thread.ts";
import { createMemoryStore } from "./memory-store.ts";
import { areEqual, createWorld } from "./world.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Two hosts, of which one has some records that the other lacks; `make` is what the thread does. */
function newcomer(seed: number, count: number, make: TokenThread["make"]) {
  const world = createWorld(seed);
  const full = createMemoryStore();
  const records = Array.from({ length: count }, (_, i) =>
    world.record(i % 100 === 0 ? "tombstone" : "observation", undefined, { content: "x".repeat(1_000) }),
  );
  full.append(records);
  const store = createMemoryStore();
  const merges: { records: readonly Record[]; tokens: Tokens | undefined }[] = [];
  const threads = { started: 0, closed: 0 };
  async function startThread(): Promise<TokenThread> {
    threads.started++;
    return { make, close: () => void threads.closed++ };
  }
  const watched = {
    ...store,
    merge(some: readonly Record[], many = false, tokens?: Tokens) {
      merges.push({ records: some, tokens });
      return store.merge(some, many);
    },
  };
  const host = world.host(watched, { startThread });
  const from = world.host(full);
  return { world, store, merges, threads, host, from };
}

test("makes the tokens of a first join once it has brought much, each for its record, and ends with it", () => {
  const make: TokenThread["make"] = async (payloads) => payloads.map((payload) => bytesOf(payload));
  const { world, merges, threads, host, from } = newcomer(1, 8_000, make);
  expect(world.until(() => areEqual([host, from]), 60_000)).toBe(true);
  world.run(1_000);
  expect(threads).toEqual({ started: 1, closed: 1 });
  const made = merges.filter(({ tokens }) => tokens);
  const count = made.reduce((sum, { records }) => sum + records.length, 0);
  expect(count).toBeGreaterThan(4_000);
  expect(count).toBeLessThan(6_000);
  for (const { records, tokens } of made) {
    const contents = records.map(({ kind, payload }) => (kind === "observation" ? payload! : ""));
    expect(tokens).toEqual(contents.map(bytesOf));
  }
});

test("is not started for what is soon over", () => {
  const { world, threads, host, from } = newcomer(2, 1_500, async () => undefined);
  expect(world.until(() => areEqual([host, from]), 60_000)).toBe(true);
  expect(threads.started).toBe(0);
});

test("is not missed where it gives nothing", () => {
  const { world, merges, threads, host, from } = newcomer(3, 5_000, async () => undefined);
  expect(world.until(() => areEqual([host, from]), 60_000)).toBe(true);
  expect(merges.every(({ tokens }) => tokens === undefined)).toBe(true);
  world.run(1_000);
  expect(threads).toEqual({ started: 1, closed: 1 });
});

test("ends with the replicator, and what it was at work on is merged by nobody then", async () => {
  const waiting: (() => void)[] = [];
  const make: TokenThread["make"] = () => new Promise((resolve) => waiting.push(() => resolve(undefined)));
  const { world, store, threads, host } = newcomer(4, 8_000, make);
  expect(world.until(() => waiting.length > 1, 60_000)).toBe(true); // nobody goes on before the first is made
  const before = store.count();
  await host.replicator.stop();
  expect(threads.closed).toBe(1);
  for (const give of waiting) give();
  world.run(60_000);
  expect(store.count()).toBe(before);
});

test("is of use whoever begins: of two the one who lacks much asks, or is told to", () => {
  const started = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
    const { world, threads, host, from } = newcomer(seed, 4_000, async () => undefined);
    expect(world.until(() => areEqual([host, from]), 20_000)).toBe(true);
    return threads.started;
  });
  expect(started).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
});
