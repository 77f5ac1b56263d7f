import type { Observation } from "../core/observation.ts";
import { stem } from "./search-stem.ts";

/**
 * Text analysis, the same for what is indexed, what is asked and what is compared. SQLite only ever sees tokens made
 * here, so search behaves alike on every version of SQLite.
 */

/** Writing without spaces between words: indexed by pairs of characters. `ー` belongs to no script of its own. */
const unspaced = String.raw`\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}ー`;
const pieces = new RegExp(`[${unspaced}]+|[^${unspaced}]+`, "gu");
const unspacedRun = new RegExp(`[${unspaced}]+`, "u");
const runs = new RegExp(`[${unspaced}]+|[^\\s${unspaced}]+`, "gu");
const spacedWord = new RegExp(`^[[\\p{L}\\p{N}\\p{M}]--[${unspaced}]]+$`, "v");
const spacedWords = new RegExp(`[[\\p{L}\\p{N}\\p{M}]--[${unspaced}]]+`, "gv");
const spaceBeside = new RegExp(`(?<=[${unspaced}]) | (?=[${unspaced}])`, "gu");
const symbols = /[^\p{L}\p{N}\p{M}\s]/gu;
const ascii = /^[\p{ASCII}]*$/u;

/** A text cut where spaced and unspaced writing meet, as in `Dockerの設定`. Full-width letters are spaced ones. */
export function byWriting(text: string): string[] {
  return text.normalize("NFKC").match(pieces) ?? [];
}

/** True where a text has characters of a writing without spaces. */
export function isUnspaced(text: string): boolean {
  return !ascii.test(text) && unspacedRun.test(text);
}

/**
 * The form in which texts are compared: case, width, diacritics and typographic quotes and dashes do not count; white
 * space is one space, and none beside a writing without spaces; the long-vowel mark that ends a katakana word of four
 * or more characters is dropped, since `サーバー` and `サーバ` are one word.
 */
export function fold(text: string): string {
  if (ascii.test(text)) return collapsed(text.toLowerCase());
  const plain = text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\u0300-\u036f\u200b-\u200d\ufeff]+/g, "")
    .replaceAll("ß", "ss")
    .replaceAll("ς", "σ")
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .normalize("NFC");
  return collapsed(plain.replace(/([ァ-ヺー]{3})ー(?![ァ-ヺー])/g, "$1")).replace(spaceBeside, "");
}

// oxlint-disable no-control-regex -- control characters separate words, as white space does
const uneven = /[\x00-\x1f\x7f\u0085\u1680\u2028\u2029]| {2}|^ | $/;
const gap = /[\s\x00-\x1f\x7f\u0085]+/g;
// oxlint-enable no-control-regex

/** One space for any white space, none at the ends. */
function collapsed(text: string): string {
  return uneven.test(text) ? text.replace(gap, " ").trim() : text;
}

/** The words of a folded text that is written with spaces, in order. The rest of it has no words to tell apart. */
export function wordsOf(folded: string): string[] {
  return folded.match(ascii.test(folded) ? /[a-z0-9]+/g : spacedWords) ?? [];
}

/** True for one or more characters of words that are written with spaces. */
export function isSpacedWord(folded: string): boolean {
  return spacedWord.test(folded);
}

/** The stem under which a word is indexed. Longer words than any language has are cut. */
export function stemOf(word: string): string {
  return stem(word.length > 64 ? word.slice(0, 64) : word);
}

/** The parts, each folded, of every name in a text that has an inner capital: `parseConfigFile` has three. */
export function nameParts(text: string): string[][] {
  return (text.match(/[A-Za-z0-9]+/g) ?? [])
    .filter((run) => /[a-z0-9][A-Z]|[A-Z]{2}[a-z]/.test(run)) // apart: one expression for both would try every start
    .map((name) => (name.match(/[A-Z]+(?![a-z])\d*|[A-Z]?[a-z\d]+|\d+/g) ?? []).map((part) => part.toLowerCase()))
    .filter((parts) => parts.length > 1);
}

/** Stands after the last character of a run, so that every character is followed by one. */
const end = "\ue000";

/**
 * The grams of a folded text, each followed by a space: any three neighbouring characters of a run without spaces, and
 * the last two with its end; in a writing without spaces, any two; each symbol by itself. Repeated ones are repeated.
 */
export function gramsOf(folded: string): string {
  let grams = "";
  for (const run of folded.match(runs) ?? []) {
    const characters = charactersOf(run);
    const size = isUnspaced(run) ? 2 : 3;
    const last = characters.length - size;
    for (let i = 0; i <= last; i++) grams += `${join(characters, i, i + size)} `;
    grams += `${join(characters, Math.max(0, last + 1), characters.length)}${end} `;
  }
  for (const symbol of folded.match(symbols) ?? []) grams += `${symbol} `;
  return grams;
}

/**
 * Full-text expressions that every text containing a folded literal satisfies, few rather than all: what they find is
 * compared with the text anyway. Empty where nothing can be said (a single letter).
 */
export function gramQuery(literal: string): string[] {
  const terms = new Set<string>();
  for (const run of literal.match(runs) ?? []) {
    const characters = charactersOf(run);
    const size = isUnspaced(run) ? 2 : 3;
    const last = characters.length - size;
    for (let i = 0; i < last; i += size) terms.add(quoted(join(characters, i, i + size)));
    if (last >= 0) terms.add(quoted(join(characters, last, characters.length)));
    else if (size === 2 || characters.length === 2) terms.add(`${quoted(join(characters, 0, characters.length))} *`);
  }
  for (const symbol of literal.match(symbols) ?? []) terms.add(quoted(symbol));
  return [...terms];
}

/** A text itself where each of its characters is one UTF-16 unit, else the list of them. */
function charactersOf(run: string): string | string[] {
  return /[\ud800-\udfff]/.test(run) ? Array.from(run) : run;
}

function join(characters: string | string[], from: number, to: number): string {
  return typeof characters === "string" ? characters.slice(from, to) : characters.slice(from, to).join("");
}

/** A string of FTS5's query language: nothing in it is an operator. */
export function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** The fields that are searched, by name, in the order in which an explanation names them. */
export const fieldNames = ["subject", "summary", "tags", "content", "project", "references", "source_files"] as const;
export type FieldName = (typeof fieldNames)[number];

/** A searched field as text. A list's items stand on lines of their own, so that no phrase spans two of them. */
export function fieldText(observation: Observation, name: FieldName): string {
  const value = observation[name];
  return typeof value === "string" ? value : value.join("\n");
}

/** The tokens of an observation, as the search tables take them: separated by spaces. */
export interface IndexTokens {
  /** Stems of subject, summary and tags; then of everything else. */
  head: string;
  body: string;
  grams: string;
}

export function indexTokens(observation: Observation): IndexTokens {
  const stems = (names: readonly FieldName[]) => names.map((name) => stemsOf(fieldText(observation, name))).join(" ");
  const folded = fieldNames.map((name) => fold(fieldText(observation, name))).join("\n");
  return {
    head: stems(["subject", "summary", "tags"]),
    body: stems(["content", "project", "references", "source_files"]),
    grams: gramsOf(folded),
  };
}

/** The stems of a text in order, and after them those of the parts of its names. */
function stemsOf(text: string): string {
  const words = wordsOf(fold(text)).map(stemOf);
  const parts = nameParts(text).flat().map(stemOf);
  return [...words, ...parts].join(" ");
}
