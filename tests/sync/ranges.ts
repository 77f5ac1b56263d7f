import { readRanges, writeRanges, type Range } from "../../src/sync/reconcile.ts";
import { createReader, createWriter } from "../../src/sync/wire.ts";

/** The ranges of a message alone, as bytes. */
export function encodeRanges(ranges: readonly Range[]): Uint8Array {
  const writer = createWriter();
  writeRanges(writer, ranges);
  return writer.done();
}

export function decodeRanges(bytes: Uint8Array): Range[] {
  const reader = createReader(bytes);
  const ranges = readRanges(reader);
  reader.end();
  return ranges;
}
