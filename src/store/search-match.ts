import type { Query, Term } from "./search-query.ts";
import {
  evenSpaces,
  fieldNames,
  foldEven,
  isPartStart,
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
  /** The same with its case. */
  cased(): string;
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
  let cased: string | undefined;
  return { text, cased: () => (cased ??= foldEven(plain, { keepCase: true })), ends, lengths };
}

/** Nobody's rank depends on how often more than this a text repeats a term. */
const enough = 32;

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
    const isForm = place === "start" && term.stems.length > 0 && follow(document, at, term.stems);
    if (place === "word") words++;
    if (!term.whole || place === "word") count(at, isForm ? "form" : place);
    at = text.indexOf(term.text, at + term.text.length);
  }
  for (const place of formsOf(document, term.stems, term.text)) count(place, "form");
  if (words === 0) for (const place of formsOf(document, term.parts, term.text)) count(place, "form");
  return found;
}

/** What a hit is: a word, a whole part of a name (which is one form of it), the start of either, or inside of one. */
function placeOf(document: Document, at: number, length: number): Exclude<keyof Occurrences, "field"> {
  const { text } = document;
  const begins = at === 0 || !continues(text, at);
  if (!begins && !isPartStart(document.cased(), at)) return "inside";
  if (!continues(text, at + length)) return begins ? "word" : "form";
  return isPartStart(document.cased(), at + length) ? "form" : "start";
}

/** True where the characters before and at a place belong to one word. Kanji and hiragana have no such words. */
function continues(text: string, at: number): boolean {
  if (isWordCharacter(text, at - 1)) return isWordCharacter(text, at);
  return text.charCodeAt(at) > 0x7f && /^[\p{sc=Kana}ー]{2}/u.test(text.slice(at - 1, at + 1));
}

/** Where words with these stems follow one another, but not as in `literal`. */
function formsOf(document: Document, stems: readonly string[], literal: string): number[] {
  const places: number[] = [];
  const { text } = document;
  const probes = stems.map(commonStart);
  const [probe] = probes;
  if (probe === undefined || !probes.every((each) => text.includes(each))) return places;
  let at = text.indexOf(probe);
  for (let n = 0; at >= 0 && places.length < enough && n < 8 * enough; n++) {
    const isStart = at === 0 || !isWordCharacter(text, at - 1) || isPartStart(document.cased(), at);
    if (isStart && !text.startsWith(literal, at) && follow(document, at, stems)) places.push(at);
    at = text.indexOf(probe, at + 1);
  }
  return places;
}

/** The letters that all words of a stem begin with: stemming may have changed its last one. */
function commonStart(stem: string): string {
  return stem.length > 3 || stem.endsWith("i") ? stem.slice(0, -1) : stem;
}

/** True where the words, or parts of names, from a place on have these stems, with no letter or digit between them. */
function follow(document: Document, from: number, stems: readonly string[]): boolean {
  const { text } = document;
  let at = from;
  for (const stem of stems) {
    while (at < text.length && !isWordCharacter(text, at) && text[at] !== "\n") at++;
    const end = endOf(document, at, stem);
    if (end === undefined) return false;
    at = end;
  }
  return true;
}

/** Where the word, or the part of a name, that begins at a place ends, if it has this stem. */
function endOf(document: Document, from: number, stem: string): number | undefined {
  const { text } = document;
  let at = from + 1;
  while (at < text.length && at - from <= 64 && isWordCharacter(text, at)) {
    if (isPartStart(document.cased(), at) && stemOf(text.slice(from, at)) === stem) return at;
    at++;
  }
  return stemOf(text.slice(from, at)) === stem ? at : undefined;
}

function isWordCharacter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 128) return (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
  return code >= 128 && isSpacedWord(text[at]!);
}
