import type { Observation } from "../core/observation.ts";
import {
  fieldNames,
  fieldTexts,
  fold,
  hashOf,
  headMark,
  isUnspaced,
  junction,
  nameParts,
  runEnd,
  singlesOf,
  spreadSign,
  stemMark,
  stemOf,
  wordsOf,
  type FieldName,
} from "./search-text.ts";

/*
 * Every save waits for its tokens, and an import makes those of a hundred thousand observations. So they are written as
 * bytes into memory that is used again: as strings, each of the five hundred would be made, joined, encoded and collected.
 */

/**
 * The tokens of an observation as UTF-8, each before a space: stems, those in subject, summary or tags once more, and grams;
 * then those of `more`. Most of the repeated ones are left out, since the index would look up each of them.
 */
export function indexTokens(observation: Observation, more: readonly string[] = []): Uint8Array {
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
  for (const token of more) writeToken(token);
  return bytes.slice(0, at - 1);
}

const headFields: ReadonlySet<FieldName> = new Set(["subject", "summary", "tags"]);

function writeStem(word: string, isHead: boolean): void {
  const stem = stemOf(word);
  writeToken(stem, stemMark);
  if (isHead) writeToken(stem, headMark);
}

function writeToken(token: string, mark = ""): void {
  if (mark) put(mark.charCodeAt(0));
  for (let i = 0; i < token.length; i++) {
    const code = token.codePointAt(i)!;
    if (code > 0xffff) i++;
    put(code);
  }
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
  endToken(size === 3);
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
  endToken(to - from === 3);
}

/** Bytes and code points for which there is memory; what a longer text takes is let go before the next. */
const usualSize = 32_768;

/** The code points of a text. */
let codes = new Uint32Array(usualSize);

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

/** Longer than any token. */
const margin = 256;
const blank = 0x20;

/** The tokens so far, each after a space. */
let bytes = new Uint8Array(usualSize);
let at = 0;
/** Where the token begins that is being written. */
let start = 0;

/** Where a token of each hash was written last; 0 where none was. */
const latest = new Uint32Array(8_192);

function begin(): void {
  if (bytes.length > usualSize) bytes = new Uint8Array(usualSize);
  if (codes.length > usualSize) codes = new Uint32Array(usualSize);
  latest.fill(0);
  bytes[0] = blank;
  at = start = 1;
}

/** Writes a code point. Half of a surrogate pair is no character, and becomes the sign that SQLite's client puts for it. */
function put(code: number): void {
  if (code < 0x80) bytes[at++] = code;
  else if (code < 0x800) putBytes(0xc0 | (code >> 6), code, 1);
  else if (code >= 0xd800 && code < 0xe000) put(0xfffd);
  else if (code < 0x10000) putBytes(0xe0 | (code >> 12), code, 2);
  else putBytes(0xf0 | (code >> 18), code, 3);
}

function putBytes(first: number, code: number, more: number): void {
  bytes[at++] = first;
  for (let i = more - 1; i >= 0; i--) bytes[at++] = 0x80 | ((code >> (6 * i)) & 0x3f);
}

function endToken(isTrigram = false): void {
  const hash = hashOf(bytes, start, at);
  if (isTrigram) bytes[at++] = spreadSign(hash);
  bytes[at] = blank;
  const slot = hash & (latest.length - 1);
  if (isAgain(latest[slot]!)) {
    at = start;
    return;
  }
  latest[slot] = start;
  start = ++at;
  if (at + margin > bytes.length) grow();
}

/** True where the token that has just been written stands in another place too. */
function isAgain(place: number): boolean {
  if (place === 0) return false;
  let i = start;
  while (bytes[i] === bytes[place] && i < at) {
    i++;
    place++;
  }
  return i === at && bytes[place] === blank;
}

function grow(): void {
  const more = new Uint8Array(2 * bytes.length);
  more.set(bytes);
  bytes = more;
}
