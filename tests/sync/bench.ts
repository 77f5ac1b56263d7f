import { createElementSet, type ElementSet } from "../../src/sync/elements.ts";
import { compare, opening, summary, type Range } from "../../src/sync/reconcile.ts";
import { encodeRanges } from "./ranges.ts";
import { createRandom } from "./virtual-time.ts";

/**
 * What reconciliation costs besides the records themselves: `bun tests/sync/bench.ts`. Elements stand for records, and
 * cross at once; a real session divides the same bytes into more messages.
 */
const random = createRandom(1);

function add(set: ElementSet, count: number, from: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const element = new Uint8Array(new Uint32Array(8).map(() => random() * 2 ** 32).buffer);
    set.add(element, from + i);
    return element;
  });
}

function memory(): number {
  Bun.gc(true);
  return process.memoryUsage().rss / 1e6;
}

console.log("elements   MB   µs/insertion   µs/fingerprint");
for (const size of [1_000, 100_000, 1_000_000]) {
  const before = memory();
  const set = createElementSet();
  const element = new Uint32Array(8);
  const started = performance.now();
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < 8; j++) element[j] = random() * 2 ** 32;
    set.add(new Uint8Array(element.buffer), i);
  }
  const inserted = performance.now();
  for (let i = 0; i < 10_000; i++) set.fingerprint((i % 4096).toString(16).padStart(3, "0"));
  const fingerprinted = performance.now();
  const [insertion, fingerprint] = [((inserted - started) * 1000) / size, (fingerprinted - inserted) / 10];
  const columns = [size, (memory() - before).toFixed(1), insertion.toFixed(2), fingerprint.toFixed(2)];
  console.log(columns.join("   "), set.size === size ? "" : "wrong");
}

console.log("\nof 100,000 missing   messages   bytes   bytes each   ms");
for (const missing of [0, 1, 10, 100, 1_000, 10_000, 100_000]) {
  const [a, b] = [createElementSet(), createElementSet()];
  add(a, 100_000 - missing, 0).forEach((element, i) => b.add(element, i));
  add(b, missing, 100_000);
  const started = performance.now();
  let [from, to] = [a, b];
  let messages = 0;
  let bytes = 0;
  for (let ranges = opening(a, false); ranges.length > 0; [from, to] = [to, from]) {
    messages++;
    bytes += encodeRanges(ranges).length;
    ranges = step(from, to, ranges);
  }
  const elapsed = (performance.now() - started).toFixed(0);
  console.log([missing, messages, bytes, (bytes / Math.max(1, missing)).toFixed(1), elapsed].join("   "));
}

function step(from: ElementSet, to: ElementSet, ranges: Range[]): Range[] {
  const answer: Range[] = [];
  const brought: { element: Uint8Array; ref: number }[] = [];
  for (const range of ranges) {
    const { ranges: replies, missing, rest } = compare(to, range, 12);
    const refs = new Set(missing);
    if (refs.size) for (const member of to.members(range.prefix)) if (refs.has(member.ref)) brought.push(member);
    answer.push(...replies, ...(rest ? [summary(to, range.prefix)] : []));
  }
  for (const { element, ref } of brought) from.add(element, ref);
  return answer;
}
