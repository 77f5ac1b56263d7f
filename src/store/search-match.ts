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
  /** The same with its case; empty where that makes no difference. */
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
  // Most texts have no name to cut: then no place is the border of one.
  const withCase = () => (/[a-z\d][A-Z]|[A-Z]{2}[a-z]/.test(plain) ? foldEven(plain, { keepCase: true }) : "");
  return { text, cased: () => (cased ??= withCase()), ends, lengths };
}

/** Nobody's rank depends on how often more than this a text repeats a term. */
const enough = 32;

type Kind = Exclude<keyof Occurrences, "field">;

function occurrences(document: Document, term: Term): Occurrences[] {
  const found: Occurrences[] = [];
  // A word and its forms begin alike, so one look finds both.
  if (term.stems.length === 1) countHits(found, document, term, commonStart(term.stems[0]!));
  else {
    countHits(found, document, term, term.text);
    countForms(found, document, term.stems, term.text);
  }
  if (!found.some(({ word }) => word > 0)) countForms(found, document, term.parts, term.text);
  return found;
}

function count(found: Occurrences[], document: Document, at: number, kind: Kind): void {
  const field = fieldNames[document.ends.findIndex((end) => at < end)]!;
  let own = found.find((one) => one.field === field);
  if (!own) found.push((own = { field, word: 0, form: 0, start: 0, inside: 0 }));
  own[kind]++;
}

/** Counts where a term stands as typed, and the forms of its one word; `probe` is what both begin with. */
function countHits(found: Occurrences[], document: Document, term: Term, probe: string): void {
  const { text } = document;
  let at = text.indexOf(probe);
  for (let n = 0; at >= 0 && n < enough;) {
    const isTyped = text.startsWith(term.text, at);
    const place = isTyped ? placeOf(document, at, term.text.length) : "start";
    const isForm =
      place === "start" && isStart(document, at) && term.stems.length > 0 && follow(document, at, term.stems);
    if (isForm || (isTyped && (!term.whole || place === "word"))) {
      count(found, document, at, isForm ? "form" : place);
      n++;
    }
    at = text.indexOf(probe, at + (isTyped ? term.text.length : probe.length));
  }
}

/** What a hit is: a word, a whole part of a name (which is one form of it), the start of either, or inside of one. */
function placeOf(document: Document, at: number, length: number): Kind {
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

/** Counts where words with these stems follow one another, but not as in `literal`. */
function countForms(found: Occurrences[], document: Document, stems: readonly string[], literal: string): void {
  const { text } = document;
  if (stems.length === 0 || !stems.every((stem) => text.includes(commonStart(stem)))) return;
  const probe = commonStart(stems[0]!);
  let at = text.indexOf(probe);
  for (let n = 0; at >= 0 && n < 8 * enough; n++) {
    if (isStart(document, at) && !text.startsWith(literal, at) && follow(document, at, stems)) {
      count(found, document, at, "form");
    }
    at = text.indexOf(probe, at + 1);
  }
}

/** True where a word, or a part of a name, begins. */
function isStart(document: Document, at: number): boolean {
  return at === 0 || !isWordCharacter(document.text, at - 1) || isPartStart(document.cased(), at);
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
