import { describe, expect, test } from "bun:test";
import { createElementSet, type ElementSet } from "../../src/sync/elements.ts";
import { createRandom } from "./virtual-time.ts";

function elements(count: number, random: () => number, prefix: number[] = []): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const element = Uint8Array.from({ length: 32 }, () => Math.floor(random() * 256));
    element.set(prefix);
    return element;
  });
}

const hex = (element: Uint8Array) => Buffer.from(element).toString("hex");

/** Sum modulo 2^256 and count, the slow way. */
function naive(members: Iterable<string>, prefix: string): string {
  let sum = 0n;
  let count = 0;
  for (const member of members) {
    if (!member.startsWith(prefix)) continue;
    sum += BigInt(`0x${Buffer.from(member, "hex").reverse().toString("hex")}`);
    count++;
  }
  const bytes = Buffer.alloc(36);
  bytes.write((sum % 2n ** 256n).toString(16).padStart(64, "0"), "hex");
  bytes.subarray(0, 32).reverse();
  bytes.writeUInt32LE(count, 32);
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 32);
}

function expectSame(set: ElementSet, members: Map<string, number>, prefixes: string[]): void {
  expect(set.size).toBe(members.size);
  for (const prefix of prefixes) {
    const within = [...members].filter(([member]) => member.startsWith(prefix));
    expect(set.count(prefix)).toBe(within.length);
    expect(hex(set.fingerprint(prefix))).toBe(naive(members.keys(), prefix));
    const listed = Array.from(set.members(prefix), ({ element, ref }) => [hex(element), ref] as [string, number]);
    expect(listed.toSorted()).toEqual(within.toSorted());
  }
}

describe("a set of elements", () => {
  for (const [name, prefix] of [
    ["spread evenly", []],
    ["crowded under one prefix", [0xab, 0xcd, 0xe0]],
  ] as const) {
    test(`knows count, fingerprint and members of every range, through additions and removals, ${name}`, () => {
      const random = createRandom(7);
      const set = createElementSet();
      const members = new Map<string, number>();
      for (const [ref, element] of elements(600, random, [...prefix]).entries()) {
        expect(set.add(element, ref)).toBe(true);
        members.set(hex(element), ref);
        if (random() < 0.3) {
          const gone = [...members.keys()][Math.floor(random() * members.size)]!;
          expect(set.remove(Buffer.from(gone, "hex"))).toBe(true);
          members.delete(gone);
        }
      }
      const some = [...members.keys()].slice(0, 4);
      expectSame(set, members, [
        "",
        "0",
        "a",
        "ab",
        "abcde",
        ...some.flatMap((m) => [3, 4, 5, 6, 9, 64].map((n) => m.slice(0, n))),
      ]);
    });
  }

  test("adds a member once, with its newest row, and removes only members", () => {
    const set = createElementSet();
    const [one, other] = elements(2, createRandom(1));
    expect([set.add(one!, 5), set.add(one!, 9), set.size]).toEqual([true, false, 1]);
    expect([...set.members("")]).toEqual([{ element: one!, ref: 9 }]);
    expect([set.remove(other!), set.remove(one!), set.remove(one!), set.size]).toEqual([false, true, false, 0]);
    expect([...set.members("")]).toEqual([]);
  });

  test("that was made from another one's parts has its members, and neither changes with the other", () => {
    const [first, second, third] = [
      elements(40_000, createRandom(4)),
      elements(50, createRandom(5)),
      elements(50, createRandom(6)),
    ];
    const add = (set: ElementSet, many: Uint8Array[]) => many.forEach((element, i) => set.add(element, i));
    const fresh = (...parts: Uint8Array[][]) => {
      const set = createElementSet();
      add(set, parts.flat());
      return hex(set.fingerprint(""));
    };
    const original = createElementSet();
    add(original, first);
    const copy = createElementSet(original.parts());
    add(copy, second);
    add(original, third);
    for (const element of first.slice(0, 500)) expect(copy.remove(element)).toBe(true);
    expect(hex(copy.fingerprint(""))).toBe(fresh(first.slice(500), second));
    expect(hex(original.fingerprint(""))).toBe(fresh(first, third));
    expect([...original.members("")].length).toBe(40_050);
  });

  test("has the same fingerprint whatever the order, and another one when any element is missing", () => {
    const many = elements(40_000, createRandom(3));
    const [forwards, backwards] = [createElementSet(), createElementSet()];
    many.forEach((element, i) => forwards.add(element, i));
    many.toReversed().forEach((element, i) => backwards.add(element, i));
    expect(hex(forwards.fingerprint(""))).toBe(hex(backwards.fingerprint("")));
    for (const element of many.slice(0, 50)) {
      backwards.remove(element);
      expect(hex(forwards.fingerprint(""))).not.toBe(hex(backwards.fingerprint("")));
      backwards.add(element, 0);
    }
  });
});
