import { expect, test } from "bun:test";
import { runChaos } from "./chaos.ts";
import { createMemoryStore } from "./memory-store.ts";

const runs = 1_000;
const groups = 20;
/** Other seeds with `KIOKU_SEED=N bun test`; a failure names the seed that repeats it. */
const firstSeed = Number(Bun.env.KIOKU_SEED ?? 1);

for (let group = 0; group < groups; group++) {
  const from = firstSeed + (group * runs) / groups;
  test(`after any mishaps, once healed, all hosts hold the same, and all of it (seeds from ${from})`, () => {
    for (let seed = from; seed < from + runs / groups; seed++) {
      expect({ seed, problems: runChaos({ seed, operations: 40, createStore: createMemoryStore }) }).toEqual({
        seed,
        problems: [],
      });
    }
  }, 60_000);
}
