/** When the store is settled after many records: not while they come, in steps, and never for live traffic. */
import { expect, test } from "bun:test";
import type { Record } from "../../src/core/record.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createWorld, type World } from "./world.ts";

const records = (world: World, count: number): Record[] =>
  Array.from({ length: count }, () => world.record("observation", undefined, { content: "x".repeat(2_000) }));

/** A store that has to be settled in so many steps after many records, and when it was merged into and settled. */
function watched(world: World, steps: number) {
  const store = createMemoryStore();
  const merges: { at: number; count: number; many: boolean }[] = [];
  const settled: number[] = [];
  let left = 0;
  return {
    ...store,
    merges,
    settled,
    merge(some: readonly Record[], many = false) {
      merges.push({ at: world.now(), count: some.length, many });
      if (many) left = steps;
      return store.merge(some);
    },
    settle() {
      settled.push(world.now());
      return left-- > 0;
    },
  };
}

/** Two hosts of which one has many records that the other lacks. */
function newcomer(seed: number, steps = 5) {
  const world = createWorld(seed);
  const store = watched(world, steps);
  const full = createMemoryStore();
  full.append(records(world, 2_000));
  const from = world.host(full);
  return { world, store, full, from, join: () => world.host(store) };
}

test("after a first join the store is settled in steps with pauses, once nothing has come for a moment", () => {
  const { world, store, join } = newcomer(1);
  join();
  expect(world.until(() => store.count() === 2_000, 60_000)).toBe(true);
  world.run(5_000);
  const joining = store.merges.filter(({ many }) => many);
  expect(joining.length).toBeGreaterThan(5);
  const begun = store.settled.filter((at) => at > joining[0]!.at);
  expect(begun).toHaveLength(6); // the last finds nothing
  expect(begun[0]! - joining.at(-1)!.at).toBeGreaterThanOrEqual(1_000);
  for (const [i, at] of begun.slice(1).entries()) expect(at - begun[i]!).toBeGreaterThanOrEqual(10);
});

test("many records that come while it is settled go first", () => {
  const { world, store, from, join } = newcomer(2, 1_000);
  join();
  world.until(() => store.count() === 2_000, 60_000);
  const steps = store.settled.length;
  expect(world.until(() => store.settled.length > steps + 3, 5_000)).toBe(true);
  from.store.append(records(world, 40));
  from.replicator.wake();
  expect(world.until(() => store.count() === 2_040, 1_000)).toBe(true);
  const { at } = store.merges.at(-1)!;
  world.run(5_000);
  const next = store.settled.find((one) => one > at)!;
  expect(next - at).toBeGreaterThanOrEqual(1_000);
});

test("live traffic is merged as it comes and settles nothing", () => {
  const { world, store, from, join } = newcomer(3);
  join();
  world.until(() => store.count() === 2_000, 60_000);
  world.run(5_000);
  const { length } = store.settled;
  for (let i = 0; i < 5; i++) {
    from.store.append(records(world, 1));
    from.replicator.wake();
    world.run(2_000);
  }
  const live = store.merges.filter(({ count }) => count > 0).slice(-5);
  expect(live.map(({ many }) => many)).toEqual([false, false, false, false, false]);
  expect(store.settled).toHaveLength(length);
});

test("who was ended before it was settled does so after the next start", () => {
  const { world, store, join } = newcomer(4);
  const first = join();
  world.until(() => store.count() === 2_000, 60_000);
  void first.replicator.stop();
  world.run(10_000);
  const { length } = store.settled;
  join();
  world.run(60_000);
  expect(store.settled).toHaveLength(length + 6);
});

test("a store that cannot be settled for a while is told of, and settled after the next records", () => {
  const { world, store, from } = newcomer(5);
  let isFull = true;
  const settle = () => {
    if (isFull) throw new Error("the disk is full");
    return store.settle();
  };
  const host = world.host({ ...store, settle });
  expect(world.until(() => host.notices.some(({ kind }) => kind === "failed"), 60_000)).toBe(true);
  world.until(() => store.count() === 2_000, 60_000);
  isFull = false;
  from.store.append(records(world, 40));
  from.replicator.wake();
  world.run(5_000);
  expect(store.settled).toHaveLength(6);
});
