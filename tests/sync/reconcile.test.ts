import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createElementSet, type ElementSet } from "../../src/sync/elements.ts";
import { compare, idOffsets, opening, summary, type Range } from "../../src/sync/reconcile.ts";
import { MalformedMessage } from "../../src/sync/wire.ts";
import { decodeRanges, encodeRanges } from "./ranges.ts";
import { createRandom } from "./virtual-time.ts";

setDefaultTimeout(60_000); // they take a second, on a machine that has one to spare

const hex = (element: Uint8Array) => Buffer.from(element).toString("hex");

function elements(count: number, random: () => number): Uint8Array[] {
  const words = () => Uint32Array.from({ length: 8 }, () => random() * 2 ** 32);
  return Array.from({ length: count }, () => new Uint8Array(words().buffer));
}

function setOf(members: readonly Uint8Array[]): ElementSet {
  const set = createElementSet();
  members.forEach((element, i) => set.add(element, i));
  return set;
}

interface Side {
  set: ElementSet;
  /** What this side was brought, by element. */
  got: string[];
}

/** Lets two sides speak until neither has more to say, each message through bytes. Elements cross at once. */
function speak(a: Side, b: Side, first: Range[], offset: number): { messages: number; bytes: number; largest: number } {
  const told = { messages: 0, bytes: 0, largest: 0 };
  let [from, to] = [a, b];
  for (let ranges = first; ranges.length > 0; [from, to] = [to, from]) {
    const message = encodeRanges(ranges);
    told.messages++;
    told.bytes += message.length;
    told.largest = Math.max(told.largest, message.length);
    const answer: Range[] = [];
    const brought: Uint8Array[] = [];
    for (const range of decodeRanges(message)) {
      const { ranges: replies, missing, rest } = compare(to.set, range, offset);
      answer.push(...replies);
      const byRef = new Map(Array.from(to.set.members(range.prefix), ({ element, ref }) => [ref, element]));
      for (const ref of missing) brought.push(byRef.get(ref)!);
      if (rest) answer.push(summary(to.set, range.prefix));
    }
    for (const element of brought) {
      from.got.push(hex(element));
      from.set.add(element, from.set.size);
    }
    ranges = answer;
    expect(told.messages).toBeLessThan(200);
  }
  return told;
}

function sides(
  common: number,
  onlyA: number,
  onlyB: number,
  seed: number,
): { a: Side; b: Side; missing: [number, number] } {
  const random = createRandom(seed);
  const shared = elements(common, random);
  const a = { set: setOf([...shared, ...elements(onlyA, random)]), got: [] };
  const b = { set: setOf([...shared, ...elements(onlyB, random)]), got: [] };
  return { a, b, missing: [onlyB, onlyA] };
}

describe("reconciliation", () => {
  for (const [common, onlyA, onlyB] of [
    [0, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [0, 500, 0],
    [0, 0, 9_000],
    [5, 3, 4],
    [40, 40, 40],
    [3_000, 0, 1],
    [3_000, 200, 300],
    [20_000, 5, 7],
    [10, 5_000, 5_000],
  ] as const) {
    test(`brings ${onlyA} and ${onlyB} elements across beside ${common} in common, each once`, () => {
      for (const differ of [false, true]) {
        const { a, b, missing } = sides(common, onlyA, onlyB, 11);
        speak(a, b, opening(a.set, differ), 12);
        expect(hex(a.set.fingerprint(""))).toBe(hex(b.set.fingerprint("")));
        expect([new Set(a.got).size, new Set(b.got).size]).toEqual(missing);
        expect([a.got.length, b.got.length]).toEqual(missing);
      }
    });
  }

  test("of any two sets gives what a plain comparison gives", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = createRandom(seed);
      const size = () => Math.floor(10 ** (random() * 3)) - 1;
      const { a, b, missing } = sides(size(), size(), size(), seed);
      const span = idOffsets.last - idOffsets.first + 1;
      speak(a, b, opening(a.set, random() < 0.5), idOffsets.first + Math.floor(random() * span));
      expect([seed, a.got.length, b.got.length]).toEqual([seed, ...missing]);
    }
  });

  test("of equal sets takes one message of some 20 bytes", () => {
    const { a, b } = sides(30_000, 0, 0, 5);
    expect(speak(a, b, opening(a.set, false), 8)).toEqual({ messages: 1, bytes: 22, largest: 22 });
  });

  test("of a few differences takes bytes in proportion to them and to the logarithm of the size", () => {
    for (const d of [1, 10, 100]) {
      const { a, b } = sides(30_000, 0, d, 5);
      const { messages, bytes } = speak(a, b, opening(a.set, false), 8);
      expect(bytes / d).toBeLessThan(2_000);
      expect(messages).toBeLessThan(9);
    }
  });

  test("finds elements in a later session whose ids are equal where this one cuts them", () => {
    const [one, twin] = elements(2, createRandom(9)) as [Uint8Array, Uint8Array];
    twin.set(one.subarray(0, 20)); // equal in every prefix that matters, and in the ids of most offsets
    const a = { set: setOf([one]), got: [] };
    const b = { set: setOf([twin]), got: [] };
    speak(a, b, opening(a.set, false), 9);
    expect(b.set.size).toBe(1);
    speak(a, b, opening(a.set, false), 16);
    expect([a.set.size, b.set.size]).toEqual([2, 2]);
  });
});

describe("ranges as bytes", () => {
  const ranges: Range[] = [
    { kind: "fingerprint", prefix: "", count: 3, fingerprint: new Uint8Array(16).fill(7) },
    { kind: "fingerprint", prefix: "abc", count: 0, fingerprint: new Uint8Array(16) },
    { kind: "list", prefix: "0f", ids: ["12345678", "\x00\xff\x80abcde"] },
    { kind: "need", prefix: "1".repeat(63), ids: [] },
  ];

  test("read as they were written", () => {
    expect(decodeRanges(encodeRanges(ranges))).toEqual(ranges);
  });

  test("are refused, and nothing worse, when cut, changed or made up", () => {
    const bytes = encodeRanges(ranges);
    for (let i = 0; i < bytes.length; i++) expect(() => decodeRanges(bytes.subarray(0, i))).toThrow(MalformedMessage);
    expect(() => decodeRanges(Uint8Array.of(...bytes, 0))).toThrow(MalformedMessage);
    const random = createRandom(4);
    for (let i = 0; i < 20_000; i++) {
      const junk = random() < 0.5 ? bytes.slice() : new Uint8Array(Math.floor(random() * 60));
      for (let n = 1 + random() * 3; n > 0; n--) junk[Math.floor(random() * junk.length)] = Math.floor(random() * 256);
      try {
        decodeRanges(junk);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    }
  });
});
