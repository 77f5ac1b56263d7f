import { stem } from "./search-stem.ts";

/**
 * Text analysis, the same for what is indexed, what is asked and what is compared. SQLite only ever sees tokens made
 * here, so search behaves alike on every version of SQLite.
 */

/**
 * Writing without spaces between words, indexed by pairs of characters: kana, kanji, Hangul, Thai, Lao, Burmese, Khmer.
 * As ranges: a class made of scripts takes a millisecond to compile, which is much of a command's time.
 */
const unspaced =
  "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b" +
  "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff" +
  "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff";
const pieces = new RegExp(`[${unspaced}]+|[^${unspaced}]+`, "g");
const unspacedRun = new RegExp(`[${unspaced}]+`, "g");
const runs = new RegExp(`[${unspaced}]+|[^\\s${unspaced}]+`, "g");
const spaceBeside = new RegExp(`(?<=[${unspaced}]) | (?=[${unspaced}])`, "g");
const hasUnspaced = new RegExp(`[${unspaced}]`);
const han = "\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff";
/** Characters that are looked for one by one: symbols, and those that are often a word alone. */
const singles = new RegExp(`[^\\p{L}\\p{N}\\p{M}\\s]|[${han}]`, "gu");
const asciiSingles = /[!-/:-@[-`{-~]/g;
const nonAscii = /[\u0080-\uffff]/;

/** A text cut where spaced and unspaced writing meet, as in `Dockerの設定`. Full-width letters are spaced ones. */
export function byWriting(text: string): string[] {
  return text.normalize("NFKC").match(pieces) ?? [];
}

/** True where a text has characters of a writing without spaces. */
export function isUnspaced(text: string): boolean {
  return hasUnspaced.test(text);
}

/**
 * The form in which texts are compared: case, width, diacritics and typographic quotes and dashes do not count; white
 * space is one space, and none beside a writing without spaces; the long-vowel mark that ends a katakana word of four
 * or more characters is dropped, since `サーバー` and `サーバ` are one word.
 */
export function fold(text: string): string {
  return foldEven(isEven(text) ? text : evened(text));
}

// oxlint-disable no-control-regex -- control characters separate words, as white space does
const unusual = /[\x00-\x1f\x7f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const unevenLine = /[\x00-\x09\x0b-\x1f\x7f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]| [ \n]|\n |^ | $/;
const gap = /[\s\x00-\x1f\x7f\x85]+/g;
// oxlint-enable no-control-regex

function isEven(text: string): boolean {
  return !unusual.test(text) && !text.includes("  ") && !text.startsWith(" ") && !text.endsWith(" ");
}

/** One space for any white space, none at the ends. */
function evened(text: string): string {
  return text.replace(gap, " ").trim();
}

/** All fields of an observation, each evened, on a line of its own. */
export function evenLines(texts: FieldTexts): string {
  const { subject, summary, tags, content, project, references, source_files } = texts;
  const lines = `${subject}\n${summary}\n${tags}\n${content}\n${project}\n${references}\n${source_files}`;
  const isUneven = unevenLine.test(lines) || lines.split("\n").length > fieldNames.length;
  return isUneven ? fieldNames.map((name) => evened(texts[name])).join("\n") : lines;
}

/** The same of a text whose spaces are even. Lines stay lines. With `keepCase` all is folded but the case. */
export function foldEven(text: string, { keepCase = false } = {}): string {
  if (!nonAscii.test(text)) return keepCase ? text : text.toLowerCase();
  const whole = text.normalize("NFKC");
  const plain = keepCase ? whole : whole.toLowerCase();
  return (marked.test(plain) ? withoutMarks(plain) : plain)
    .replace(/([ァ-ヺー]{3})ー(?![ァ-ヺー])/g, "$1")
    .replace(spaceBeside, "");
}

/** Letters that may have diacritics, and the characters that `withoutMarks` replaces. */
const marked = /[\u00c0-\u1aff\u1e00-\u1fff\u200b-\u200d\u2010-\u201d\u2212\ufeff]/;

function withoutMarks(text: string): string {
  return text
    .normalize("NFD")
    .replace(/[\u0300-\u036f\u200b-\u200d\ufeff]+/g, "")
    .replace(/ß/g, "ss")
    .replace(/ς/g, "σ")
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .normalize("NFC");
}

/** The words of a folded text that is written with spaces, in order. The rest of it has no words to tell apart. */
export function wordsOf(folded: string): string[] {
  if (!nonAscii.test(folded)) return folded.match(/[a-z0-9]+/g) ?? [];
  return folded.replace(unspacedRun, " ").match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/** True for one or more characters of words that are written with spaces. */
export function isSpacedWord(folded: string): boolean {
  return nonAscii.test(folded)
    ? !isUnspaced(folded) && /^[\p{L}\p{N}\p{M}]+$/u.test(folded)
    : /^[a-z0-9]+$/.test(folded);
}

/** The stem under which a word is indexed. Longer words than any language has are cut. */
export function stemOf(word: string): string {
  return stem(word.length > 64 ? word.slice(0, 64) : word);
}

/** The character before a border inside of a name: of `parseConfig`, of `HTTPServer`, but not of the plural `URLs`. */
const beforeBorder = String.raw`[a-z\d](?=[A-Z])|[A-Z](?=[A-Z](?!s(?![A-Za-z\d]))[a-z])`;
const border = new RegExp(`(?<=${beforeBorder})`);
/** A name in which there may be a border. Looked for from where names begin alone: else long ones take forever. */
const mixedName = /(?<![A-Za-z\d])[A-Za-z\d]*?(?:[a-z\d][A-Z]|[A-Z]{2}[a-z])[A-Za-z\d]*/g;
const atBorder = new RegExp(`^(?:${beforeBorder})`);

/** The parts, each in lowercase, of every name in a text that has several: `parseConfigFile` has three. */
export function nameParts(text: string): string[][] {
  const names = (text.match(mixedName) ?? []).map((name) => name.split(border));
  return names.filter((parts) => parts.length > 1).map((parts) => parts.map((part) => part.toLowerCase()));
}

/** True where a part of a name begins that is not its first. */
export function isPartStart(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 65 && code <= 90 && at > 0 && atBorder.test(text.slice(at - 1, at + 3));
}

// Private-use characters, which no token of another kind begins with.
/** Stands after the last character of a run, so that every character is followed by one. */
export const runEnd = "\ue000";
export const stemMark = "\ue001";
export const headMark = "\ue002";
/** Stands for the space between two words. */
export const junction = "\ue003";
const scopeMark = "\ue004";

export function singlesOf(folded: string): string[] {
  return folded.match(nonAscii.test(folded) ? singles : asciiSingles) ?? [];
}

const spaces = /(\S{1,2}) (?=(\S))/gu;

/**
 * Expressions that every text satisfies which contains a folded literal; few other texts do, and they are told apart when
 * they are read. Empty where nothing can be said: for a single letter, and for a beginning of which all continuations
 * would have to be looked for, unless `atAnyCost` or there are few of them. Of many grams the most telling are taken.
 */
export function gramQuery(literal: string, { most = 12, atAnyCost = false } = {}): readonly string[] {
  const terms = new Set<string>();
  const starts: string[] = [];
  for (const run of literal.match(runs) ?? []) {
    const characters = charactersOf(run);
    const size = isUnspaced(run) ? 2 : 3;
    const grams = Array.from({ length: Math.max(0, characters.length - size + 1) }, (_, i) =>
      join(characters, i, i + size),
    );
    const telling = grams.filter((gram) => !hiragana.test(gram));
    for (const gram of telling.length > 0 ? telling : grams) terms.add(quoted(size === 3 ? trigramToken(gram) : gram));
    const whole = join(characters, 0, characters.length);
    if (size === 2 && characters.length === 1 && singlesOf(whole).length > 0) terms.add(quoted(whole));
    else if (characters.length === size - 1) {
      if (atAnyCost || singlesOf(whole).length > 0) starts.push(`${quoted(whole)} *`); // few words go on from `::`
    }
  }
  for (const term of junctionQuery(literal)) terms.add(term);
  if (terms.size === 0) for (const start of starts) terms.add(start);
  // Nearly every text has a dot or a slash: symbols only help where there is nothing else.
  if (terms.size === 0) for (const symbol of singlesOf(literal)) terms.add(quoted(symbol));
  return mostTelling([...terms], most);
}

const hiragana = /^[\u3041-\u309f]+$/;

/** Of some grams so many, from all over the literal, each the rarest around. */
function mostTelling(grams: readonly string[], most: number): readonly string[] {
  if (grams.length <= most) return grams;
  const place = (part: number) => Math.floor((part * grams.length) / most);
  return Array.from({ length: most }, (_, part) => {
    const neighbours = grams.slice(place(part), place(part + 1));
    return neighbours.reduce((best, gram) => (rarity(gram) > rarity(best) ? gram : best));
  });
}

/** How rare a gram is, roughly: to count where it occurs takes as long as to walk its list. */
function rarity(gram: string): number {
  let sum = 0;
  for (const character of gram) {
    const place = commonFirst.indexOf(character);
    sum += place >= 0 ? place : hiragana.test(character) ? 3 : 14;
  }
  return sum;
}
const commonFirst = "etaoinsrhldcumfpgwybvkxqjz";

/** The same for the spaces in a literal. A single letter before one may be the end of a longer word: it says nothing. */
function junctionQuery(literal: string): string[] {
  const found = [...literal.matchAll(spaces)].filter(([, before]) => before!.length > 1);
  return found.map(([, before, after]) => quoted(`${before}${junction}${after}`));
}

/** A text itself where each of its characters is one UTF-16 unit, else the list of them. */
function charactersOf(run: string): string | string[] {
  return /[\ud800-\udfff]/.test(run) ? Array.from(run) : run;
}

function join(characters: string | string[], from: number, to: number): string {
  return typeof characters === "string" ? characters.slice(from, to) : characters.slice(from, to).join("");
}

/** The fields that are searched, by name, in the order in which an explanation names them. */
export const fieldNames = ["subject", "summary", "tags", "content", "project", "references", "source_files"] as const;
export type FieldName = (typeof fieldNames)[number];

export type FieldTexts = { [field in FieldName]: string };

/**
 * The searched fields of an observation, or of a payload's object, as texts. One that is neither text nor list has none.
 */
export function fieldTexts(from: { readonly [field in FieldName]?: unknown }): FieldTexts {
  const texts = {} as FieldTexts;
  for (const name of fieldNames) {
    const value = from[name];
    if (Array.isArray(value)) texts[name] = value.filter((item) => typeof item === "string").join(", ");
    else texts[name] = typeof value === "string" ? value : "";
  }
  return texts;
}

/** A number that follows from bytes of UTF-8 (FNV-1a). */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/**
 * The sign at the end of a trigram's token, which follows from a hash of the rest. FTS5 gathers tokens in a hash table before
 * it writes them, and its own hash takes many trigrams for alike: of the 17,576 of letters it tells 1,800 apart, with the sign
 * 10,000.
 */
export const spreadSign = (hash: number): number => 0x23 + (hash % 29); // neither a letter nor a quote

export function trigramToken(gram: string): string {
  const bytes = Buffer.from(gram);
  return gram + String.fromCharCode(spreadSign(hashOf(bytes, 0, bytes.length)));
}

export const stemToken = (stem: string): string => stemMark + stem;

/** An expression for a stem wherever it is, and for one in subject, summary or tags. */
export const stemQuery = (stem: string): string => quoted(stemMark + stem);
export const headQuery = (stem: string): string => quoted(headMark + stem);

/** The token of a value that searches are narrowed by: `name` is one character that tells whose value it is. */
export function scopeToken(name: string, value: string): string {
  let hash = scopeHashes.get(value);
  if (hash === undefined) {
    hash = new Bun.CryptoHasher("sha256").update(value).digest("hex").slice(0, 8);
    if (scopeHashes.size >= mostHashes) scopeHashes.clear();
    if (value.length <= longestKept) scopeHashes.set(value, hash);
  }
  return scopeMark + name + hash;
}

/** Hashes by value: many observations have few projects and sessions. */
const scopeHashes = new Map<string, string>();
const mostHashes = 1_000;
/** Characters of a value that is kept: whoever writes records for us decides how long theirs are. */
const longestKept = 256;

/** A string of FTS5's query language: nothing in it is an operator. */
export function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
