import { parseArgs } from "node:util";
import { runChaos } from "./chaos.ts";
import { createMemoryStore } from "./memory-store.ts";

/**
 * The property test for as long as one likes: `bun tests/sync/long-run.ts --operations 1000000 --seed N`. Each run takes
 * the next seed, and a length by chance up to `--most` operations. Stops at the first run that goes wrong.
 */
const { values } = parseArgs({
  options: {
    operations: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    most: { type: "string", default: "300" },
  },
});

const started = performance.now();
let left = Number(values.operations);
let seed = Number(values.seed);
for (; left > 0; seed++) {
  const operations = Math.min(left, 10 + (Bun.hash.crc32(`${seed}`) % Number(values.most)));
  const problems = runChaos({ seed, operations, createStore: createMemoryStore });
  if (problems.length > 0) {
    console.log(`seed ${seed}, ${operations} operations:\n${problems.slice(0, 20).join("\n")}`);
    process.exit(1);
  }
  left -= operations;
  if (seed % 20 === 0) console.log(`seed ${seed}, ${left} operations left`);
}
console.log(
  `${seed - Number(values.seed)} runs in ${Math.round((performance.now() - started) / 1000)} s: nothing wrong`,
);
