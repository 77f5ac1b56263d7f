import { fingerprintBytes, type ElementSet } from "./elements.ts";
import { MalformedMessage, type Reader, type Writer } from "./wire.ts";

/**
 * Range-based set reconciliation (Meyer, "Range-Based Set Reconciliation", 2022; Negentropy is a widely used protocol
 * of this kind). Two sides exchange what they have in ranges of the element space: a fingerprint while a range is
 * large, the elements themselves once it is small, and what is then found missing. Either side needs only its set and
 * the message before it; neither keeps any state for the other. For d differences among n elements O(d log n) bytes
 * cross, in log16(n) / 2 round trips.
 *
 * Elements are named in lists by 8 of their 32 bytes, at an offset that each session draws anew: two elements that are
 * equal there, by accident or by malice, are told apart in the next session.
 */
export type Range =
  /** "My elements under this prefix are so many, with this fingerprint." */
  | { kind: "fingerprint"; prefix: string; count: number; fingerprint: Uint8Array }
  /** "My elements under this prefix are exactly these." */
  | { kind: "list"; prefix: string; ids: string[] }
  /** "Of those you listed under this prefix I lack these." */
  | { kind: "need"; prefix: string; ids: string[] };

/** What follows from one range of the other side. */
export interface Comparison {
  /** What to answer. Nothing where the range is equal, or where sending what is missing settles it. */
  ranges: Range[];
  /** Row numbers of elements that the other side lacks: at most `mostMissing`, and what `rest` says. */
  missing: number[];
  /** There are more. Then, or where not all are sent, answer `summary(set, prefix)`: the other side asks on. */
  rest: boolean;
}

/** Enough for any message, so that a peer who has nothing yet makes nobody list everything at once. */
const mostMissing = 4096;

const idBytes = 8;
const maxPrefix = 63;
/** A range with at most this many elements is listed: 8 bytes each against 16 fingerprints of some 20 bytes. */
const listed = 32;

/** Kind, length of the prefix, count. */
const shortestRange = 3;
/** Each costs whoever compares it a look at his set: some ten times what an honest message has. */
const mostRanges = 65_536;

export const emptyFingerprint = new Uint8Array(fingerprintBytes);

/** Offsets in an element at which ids may be cut: past the digits that prefixes have in common. */
export const idOffsets = { first: 8, last: 32 - idBytes } as const;

/** What a set has under a prefix. */
export function summary(set: ElementSet, prefix: string): Range {
  const count = set.count(prefix);
  return { kind: "fingerprint", prefix, count, fingerprint: count ? set.fingerprint(prefix) : emptyFingerprint };
}

/** The first ranges of a session: one for all, or sixteen where the sets are known to differ. */
export function opening(set: ElementSet, differ: boolean): Range[] {
  return differ && set.size > listed ? children(set, "") : [summary(set, "")];
}

/** Compares our set with a range of the other side. Ids are cut at `offset` (`idOffsets`). */
export function compare(set: ElementSet, range: Range, offset: number): Comparison {
  switch (range.kind) {
    case "fingerprint":
      if (range.count === 0) return { ranges: [], ...missingFrom(set, range.prefix, () => true) };
      return { ranges: narrowed(set, range, offset), missing: [], rest: false };
    case "list": {
      const theirs = new Set(range.ids);
      const missing = missingFrom(set, range.prefix, (element) => !theirs.delete(idAt(element, offset)));
      const need = theirs.size > 0 && !missing.rest;
      return { ranges: need ? [{ kind: "need", prefix: range.prefix, ids: [...theirs] }] : [], ...missing };
    }
    case "need": {
      const needed = new Set(range.ids);
      return { ranges: [], ...missingFrom(set, range.prefix, (element) => needed.has(idAt(element, offset))) };
    }
  }
}

/** What to say about a range whose fingerprint over there is known: nothing where it is ours too. */
function narrowed(set: ElementSet, range: Range & { kind: "fingerprint" }, offset: number): Range[] {
  const { prefix, count, fingerprint } = range;
  const ours = set.count(prefix);
  if (ours === count && Buffer.compare(set.fingerprint(prefix), fingerprint) === 0) return [];
  if (ours <= listed || prefix.length === maxPrefix) return [list(set, prefix, offset)];
  return count <= listed ? [summary(set, prefix)] : children(set, prefix); // the smaller side lists
}

function missingFrom(
  set: ElementSet,
  prefix: string,
  lacks: (element: Uint8Array) => boolean,
): Omit<Comparison, "ranges"> {
  const missing: number[] = [];
  for (const { element, ref } of set.members(prefix)) {
    if (!lacks(element)) continue;
    if (missing.length === mostMissing) return { missing, rest: true };
    missing.push(ref);
  }
  return { missing, rest: false };
}

function children(set: ElementSet, prefix: string): Range[] {
  return [..."0123456789abcdef"].map((digit) => summary(set, prefix + digit));
}

function list(set: ElementSet, prefix: string, offset: number): Range {
  return { kind: "list", prefix, ids: Array.from(set.members(prefix), ({ element }) => idAt(element, offset)) };
}

function idAt(element: Uint8Array, offset: number): string {
  return Buffer.from(element.buffer, element.byteOffset + offset, idBytes).toString("latin1");
}

const kinds = ["fingerprint", "list", "need"] as const;

/** Appends ranges to a message. */
export function writeRanges(writer: Writer, ranges: readonly Range[]): void {
  writer.number(ranges.length);
  for (const range of ranges) writeRange(writer, range);
}

/** Appends one range: its kind, its prefix, then a count with a fingerprint or with ids. */
function writeRange(writer: Writer, range: Range): void {
  writer.byte(kinds.indexOf(range.kind));
  writer.byte(range.prefix.length);
  writer.raw(Buffer.from(range.prefix.length % 2 ? `${range.prefix}0` : range.prefix, "hex"));
  if (range.kind === "fingerprint") {
    writer.number(range.count);
    if (range.count) writer.raw(range.fingerprint);
    return;
  }
  writer.number(range.ids.length);
  for (const id of range.ids) writer.raw(Buffer.from(id, "latin1"));
}

/** Reads what `writeRanges` has appended. Throws MalformedMessage. */
export function readRanges(reader: Reader): Range[] {
  const count = reader.count(shortestRange);
  if (count > mostRanges) throw new MalformedMessage("more ranges than a message has room for");
  return Array.from({ length: count }, () => readRange(reader));
}

function readRange(reader: Reader): Range {
  const kind = kinds[reader.byte()];
  const digits = reader.byte();
  if (!kind || digits > maxPrefix) throw new MalformedMessage("no such range");
  const prefix = Buffer.from(reader.raw((digits + 1) >> 1))
    .toString("hex")
    .slice(0, digits);
  if (kind === "fingerprint") {
    const count = reader.number();
    return { kind, prefix, count, fingerprint: count ? reader.raw(fingerprintBytes).slice() : emptyFingerprint };
  }
  const ids = Array.from({ length: reader.count(idBytes) }, () => Buffer.from(reader.raw(idBytes)).toString("latin1"));
  return { kind, prefix, ids };
}
