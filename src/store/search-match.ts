import type { Query, Term } from "./search-query.ts";
import {
  evenSpaces,
  fieldNames,
  foldEven,
  isSpacedWord,
  stemOf,
  type FieldName,
  type FieldTexts,
} from "./search-text.ts";

/** How often a term occurs in a field: as a word, as another form of one, at the start of one, inside of one. */
export interface Occurrences {
  field: FieldName;
  word: number;
  form: number;
  start: number;
  inside: number;
}

/** What a query finds in one observation. */
export interface TextMatch {
  /** The whole query stands in one field. */
  asTyped: boolean;
  /** For each of the query's words, and each of its terms, where it occurs; empty: nowhere. */
  words: Occurrences[][];
  terms: Occurrences[][];
  /** Characters of each field, for the weight of a hit in it. */
  lengths: { [field in FieldName]: number };
}

/** All fields in one folded text, each on a line of its own: one look finds a term wherever it is. */
interface Document {
  text: string;
  /** The same places of the text before its case was folded, where they are the same. */
  cased: string;
  /** Where the field of each name ends. */
  ends: number[];
  lengths: TextMatch["lengths"];
}

/** Compares the texts of an observation with a query. */
export function matchTexts(query: Query, texts: FieldTexts): TextMatch {
  const document = documentOf(texts);
  const terms = query.terms.map((term) => occurrences(document, term));
  const ofWord = (word: Term) => terms[query.terms.findIndex(({ text }) => text === word.text)];
  return {
    asTyped: query.text !== "" && document.text.includes(query.text),
    words: query.words.map((word) => ofWord(word) ?? occurrences(document, word)),
    terms,
    lengths: document.lengths,
  };
}

function documentOf(texts: FieldTexts): Document {
  const plain = fieldNames.map((name) => (texts[name] === "" ? "" : evenSpaces(texts[name]))).join("\n");
  const text = foldEven(plain);
  const ends: number[] = [];
  const lengths = {} as TextMatch["lengths"];
  let start = 0;
  for (const name of fieldNames) {
    const end = text.indexOf("\n", start);
    ends.push(end < 0 ? text.length : end);
    lengths[name] = ends.at(-1)! - start;
    start = ends.at(-1)! + 1;
  }
  return { text, cased: plain.length === text.length ? plain : text, ends, lengths };
}

/** Nobody's rank depends on how often more than this a text repeats a term. */
const enough = 16;

function occurrences(document: Document, term: Term): Occurrences[] {
  const found: Occurrences[] = [];
  const count = (at: number, kind: Exclude<keyof Occurrences, "field">) => {
    const field = fieldNames[document.ends.findIndex((end) => at < end)]!;
    let own = found.find((one) => one.field === field);
    if (!own) found.push((own = { field, word: 0, form: 0, start: 0, inside: 0 }));
    own[kind]++;
  };
  const { text } = document;
  let words = 0;
  let at = text.indexOf(term.text);
  for (let n = 0; at >= 0 && n < enough; n++) {
    const place = placeOf(document, at, term.text.length);
    const isForm = place === "start" && term.stems.length > 0 && follow(text, at, term.stems);
    if (place === "word") words++;
    count(at, isForm ? "form" : place);
    at = text.indexOf(term.text, at + term.text.length);
  }
  if (term.stems.length > 0) for (const place of formsOf(text, term.stems, term.text)) count(place, "form");
  if (term.parts.length > 0 && words === 0)
    for (const place of formsOf(text, term.parts, term.text)) count(place, "form");
  return found;
}

/** Whether a hit is a word, the start of one (or of a part of a name), or inside of one. */
function placeOf({ text, cased }: Document, at: number, length: number): "word" | "start" | "inside" {
  const startsPart = at > 0 && isUpper(cased, at) && !isUpper(cased, at - 1);
  if (at > 0 && continues(text, at) && !startsPart) return "inside";
  return continues(text, at + length) ? "start" : "word";
}

function isUpper(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 65 && code <= 90;
}

/** True where the characters before and at a place belong to one word. Kanji and hiragana have no such words. */
function continues(text: string, at: number): boolean {
  if (isWordCharacter(text, at - 1)) return isWordCharacter(text, at);
  return text.charCodeAt(at) > 0x7f && /^[\p{sc=Kana}ー]{2}/u.test(text.slice(at - 1, at + 1));
}

/** Where words with these stems follow one another, but not as in `literal`. */
function formsOf(text: string, stems: readonly string[], literal: string): number[] {
  const probe = commonStart(stems[0]!);
  const places: number[] = [];
  let at = text.indexOf(probe);
  for (let n = 0; at >= 0 && places.length < enough && n < 8 * enough; n++) {
    const isStart = at === 0 || !isWordCharacter(text, at - 1);
    if (isStart && !text.startsWith(literal, at) && follow(text, at, stems)) places.push(at);
    at = text.indexOf(probe, at + 1);
  }
  return places;
}

/** The letters that all words of a stem begin with: stemming may have changed its last one. */
function commonStart(stem: string): string {
  return stem.length > 3 || stem.endsWith("i") ? stem.slice(0, -1) : stem;
}

/** True where the words from a place on have these stems. What stands between two of them is no letter or digit. */
function follow(text: string, from: number, stems: readonly string[]): boolean {
  let at = from;
  for (const stem of stems) {
    while (at < text.length && !isWordCharacter(text, at) && text[at] !== "\n") at++;
    let next = at;
    while (next < text.length && isWordCharacter(text, next)) next++;
    if (next - at > 64 || stemOf(text.slice(at, next)) !== stem) return false;
    at = next;
  }
  return true;
}

function isWordCharacter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 128) return (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
  return code >= 128 && isSpacedWord(text[at]!);
}
