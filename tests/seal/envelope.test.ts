import { expect, test } from "bun:test";
import { longestPayload, tooLong } from "../../src/core/record.ts";
import { decodeRecord, encodeRecord, paddedLength } from "../../src/seal/envelope.ts";
import { everyForm, observation, recordOf } from "./records.ts";

for (const [form, record] of Object.entries(everyForm)) {
  test(`a record comes back as it was: ${form}`, () => {
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
  });
}

test("no change of a byte and no cut gives another record by the same bytes, and none throws", () => {
  for (const record of Object.values(everyForm)) {
    const bytes = encodeRecord(record);
    for (let length = 0; length < bytes.length; length++)
      expect(decodeRecord(bytes.subarray(0, length))).toBeUndefined();
    for (let index = 0; index < bytes.length; index++) {
      for (const value of [0, 1, 27, 255, bytes[index]! ^ 0x80]) {
        const changed = Buffer.from(bytes);
        changed[index] = value;
        const read = decodeRecord(changed);
        // Whatever can be read must be a record of its own, with these very bytes as its only form.
        if (read) expect(encodeRecord(read)).toEqual(changed);
      }
    }
  }
});

test("bytes after the record, even zeros of another length, are refused", () => {
  const bytes = encodeRecord(observation);
  expect(decodeRecord(Buffer.concat([bytes, Buffer.alloc(1)]))).toBeUndefined();
  bytes[bytes.length - 1] = 1;
  expect(decodeRecord(bytes)).toBeUndefined();
});

test("a record that breaks the rules is not sealed, for nobody could open it", () => {
  const broken = [
    { ...observation, id: "0A".repeat(16) },
    { ...observation, id: "0a" },
    { ...observation, kind: "" },
    { ...observation, kind: "k".repeat(256) },
    { ...observation, at: "2026-01-02" },
    { ...observation, digest: new Uint8Array(31), payload: null },
  ];
  for (const record of broken) expect(() => encodeRecord(record)).toThrow(RangeError);
});

test("a large payload is kept whole", () => {
  const record = recordOf("observation", JSON.stringify({ content: "記".repeat(1_000_000) }));
  expect(decodeRecord(encodeRecord(record))?.payload).toBe(record.payload);
});

test("the largest payload has its envelope, and one byte more is refused with the reason", () => {
  const ofLength = (length: number) => recordOf("observation", "é".repeat(length / 2) + "x".repeat(length % 2));
  expect(decodeRecord(encodeRecord(ofLength(longestPayload)))).toEqual(ofLength(longestPayload));
  expect(() => encodeRecord(ofLength(longestPayload + 1))).toThrow(new RangeError(tooLong));
});

test("padding never shortens, adds at most an eighth above the minimum, and leaves few sizes to tell apart", () => {
  const sizes = new Set<number>();
  for (let length = 0; length < 100_000; length++) {
    const padded = paddedLength(length);
    sizes.add(padded);
    expect(padded).toBeGreaterThanOrEqual(length);
    if (length > 256) expect(padded / length).toBeLessThan(1.125);
    if (padded !== paddedLength(padded)) throw new Error(`padding ${padded} again gives another size`);
  }
  expect(sizes.size).toBeLessThan(150);
});
