import { expect, test } from "bun:test";
import { createElementSet } from "../../src/sync/elements.ts";
import { emptySet, fingerprintOf, withElement } from "../../src/core/fingerprint.ts";

const element = (last: number) => new Uint8Array(32).fill(0xff).with(31, last);

test("the order of elements does not matter, and taking one away undoes adding it", () => {
  const both = withElement(withElement(emptySet, element(1)), element(2));
  expect(withElement(withElement(emptySet, element(2)), element(1))).toEqual(both);
  expect(withElement(both, element(2), -1)).toEqual(withElement(emptySet, element(1)));
});

test("sums stay below 2^256, and taking away from less goes round", () => {
  const most = new Uint8Array(32).fill(0xff);
  const sum = withElement(withElement(emptySet, most), most);
  expect(sum).toEqual({ count: 2, sum: 2n ** 256n - 2n });
  expect(withElement(emptySet, most, -1).sum).toBe(1n);
});

test("a fingerprint is the same on every host: SHA-256 of sum and count, little-endian, 16 bytes", () => {
  const one = new Uint8Array(32).with(0, 1);
  const input = Buffer.alloc(36).fill(0);
  input[0] = 1;
  input[32] = 1;
  const expected = new Bun.CryptoHasher("sha256").update(input).digest("hex").slice(0, 32);
  expect(fingerprintOf(withElement(emptySet, one))).toBe(expected);
  expect(fingerprintOf(emptySet)).not.toBe(fingerprintOf({ count: 1, sum: 0n }));
});

test("the log and the replicator, which keep the set each in their own way, have one fingerprint of it", () => {
  const set = createElementSet();
  let sum = emptySet;
  for (let i = 0; i < 3_000; i++) {
    const element = new Bun.CryptoHasher("sha256").update(`${i}`).digest() as unknown as Uint8Array;
    set.add(element, i);
    sum = withElement(sum, element);
    if (i % 1_000 === 0) expect(Buffer.from(set.fingerprint("")).toString("hex")).toBe(fingerprintOf(sum));
  }
});
