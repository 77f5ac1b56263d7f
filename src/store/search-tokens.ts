import type { Observation } from "../core/observation.ts";
import {
  fieldNames,
  fieldTexts,
  fold,
  headMark,
  isUnspaced,
  junction,
  nameParts,
  runEnd,
  singlesOf,
  stemMark,
  stemOf,
  wordsOf,
  type FieldName,
} from "./search-text.ts";

/*
 * Every save waits for its tokens, and an import makes those of a hundred thousand observations. So they are written as
 * numbers into memory that is used again: as strings, each of the five hundred would be made, joined, and collected.
 */

/**
 * The tokens of an observation, each before a space: stems, those in subject, summary or tags once more, and grams.
 * Repeated ones are repeated.
 */
export function indexTokens(observation: Observation): string {
  const texts = fieldTexts(observation);
  begin();
  for (const name of fieldNames) {
    if (texts[name] === "") continue;
    const folded = fold(texts[name]);
    const isHead = headFields.has(name);
    for (const word of wordsOf(folded)) writeStem(word, isHead);
    for (const parts of nameParts(texts[name])) for (const part of parts) writeStem(part, isHead);
    writeGrams(folded);
  }
  return written();
}

const headFields: ReadonlySet<FieldName> = new Set(["subject", "summary", "tags"]);

function writeStem(word: string, isHead: boolean): void {
  const stem = stemOf(word);
  writeMarked(stemMark.charCodeAt(0), stem);
  if (isHead) writeMarked(headMark.charCodeAt(0), stem);
}

function writeMarked(mark: number, stem: string): void {
  put(mark);
  for (let i = 0; i < stem.length; i++) put(stem.charCodeAt(i));
  endToken();
}

/**
 * The grams of a folded text: any three neighbouring characters of a run without spaces, and the last two with its end; in
 * a writing without spaces, any two; each symbol and each kanji by itself; and, where a space is, the two characters before
 * it and the one after it.
 */
function writeGrams(folded: string): void {
  const count = readCodes(folded);
  for (let from = 0, to = 0; from < count; from = to) {
    const writing = kindOf(codes[from]!) & writings;
    for (let kind; to < count && ((kind = kindOf(codes[to]!)) & writings) === writing; to++) {
      if (kind & single) writeGram(to, to + 1);
    }
    if (writing !== space) writeRun(from, to, writing === unspaced ? 2 : 3);
    else if (from > 0 && to === from + 1 && to < count) writeJunction(from);
  }
}

function writeRun(from: number, to: number, size: number): void {
  for (let i = from; i + size <= to; i++) writeGram(i, i + size);
  for (let i = Math.max(from, to - size + 1); i < to; i++) put(codes[i]!);
  put(runEnd.charCodeAt(0));
  endToken();
}

/** For one space between characters. Several in a row can only come of folding odd characters. */
function writeJunction(i: number): void {
  if (i > 1 && (kindOf(codes[i - 2]!) & space) === 0) put(codes[i - 2]!);
  put(codes[i - 1]!);
  put(junction.charCodeAt(0));
  put(codes[i + 1]!);
  endToken();
}

function writeGram(from: number, to: number): void {
  for (let i = from; i < to; i++) put(codes[i]!);
  endToken();
}

/** The code points of a text. */
let codes = new Uint32Array(4096);

function readCodes(text: string): number {
  if (codes.length < text.length) codes = new Uint32Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    if (code > 0xffff) i++;
    codes[count++] = code;
  }
  return count;
}

// What a character is, as bits.
const known = 1;
const space = 2;
const unspaced = 4;
/** It is a token by itself too. */
const single = 8;
const writings = space | unspaced;

const kinds = new Uint8Array(0x10000);

/** Found once for each character; each time for the few beyond the table. */
function kindOf(code: number): number {
  return kinds[code] || (kinds[code] = findKind(String.fromCodePoint(code)));
}

function findKind(character: string): number {
  if (character === " ") return known | space;
  if (character < "\x80") return known | (/[a-z\d]/.test(character) ? 0 : single); // a save is one text: cheap at first use
  return known | (isUnspaced(character) ? unspaced : 0) | (singlesOf(character).length > 0 ? single : 0);
}

const usualSize = 16_384;
/** Longer than any token. */
const margin = 256;

/** The tokens so far, as UTF-16, each after a space. */
let units = new Uint16Array(usualSize);
let at = 0;
function begin(): void {
  if (units.length > usualSize) units = new Uint16Array(usualSize);
  units[0] = 0x20;
  at = 1;
}

function put(code: number): void {
  if (code > 0xffff) {
    put(0xd800 + ((code - 0x10000) >> 10));
    put(0xdc00 + (code & 0x3ff));
    return;
  }
  units[at++] = code;
}

function endToken(): void {
  units[at++] = 0x20;
  if (at + margin > units.length) grow();
}

function grow(): void {
  const more = new Uint16Array(2 * units.length);
  more.set(units);
  units = more;
}

/** All tokens that were written. */
function written(): string {
  return Buffer.from(units.buffer, 0, 2 * (at - 1)).toString("utf16le");
}
