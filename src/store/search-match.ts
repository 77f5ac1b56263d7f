import type { Query, Term } from "./search-query.ts";
import {
  evenLines,
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
type Kind = Exclude<keyof Occurrences, "field">;

/** What a query finds in one observation. */
export interface TextMatch {
  /** The whole query stands in one field. */
  asTyped: boolean;
  /** For each of the query's words, and each of its terms, where it occurs; empty: nowhere. */
  words: Occurrences[][];
  terms: Occurrences[][];
  /** Characters of each field, in the order of their names, for the weight of a hit in it. */
  lengths: number[];
}

/** All fields in one folded text, each on a line of its own: one look finds a term wherever it is. */
interface Document {
  text: string;
  /** Where the field of each name ends. */
  ends: number[];
  /** The text with its case, made when asked for; empty where that makes no difference. */
  cased(): string;
}

/** A term, and what was found of the words that begin like it: most of them come again and again. */
interface Sought extends Term {
  known: Map<string, Kind | undefined>;
}

/** Compares texts of observations with a query. */
export function textMatcher(query: Query): (texts: FieldTexts) => TextMatch {
  const sought = query.terms.map((term): Sought => ({ ...term, known: new Map() }));
  const words = query.words.map((word) => {
    const i = sought.findIndex(({ text, whole }) => text === word.text && whole === word.whole);
    return i < 0 ? { ...word, known: new Map<string, Kind | undefined>() } : i;
  });
  return (texts) => {
    const document = documentOf(texts);
    const terms = sought.map((term) => occurrences(document, term));
    return {
      asTyped: query.text !== "" && document.text.includes(query.text),
      words: words.map((word) => (typeof word === "number" ? terms[word]! : occurrences(document, word))),
      terms,
      lengths: document.ends.map((end, i) => (i === 0 ? end : end - document.ends[i - 1]! - 1)),
    };
  };
}

function documentOf(texts: FieldTexts): Document {
  const plain = evenLines(texts);
  const text = foldEven(plain);
  const ends: number[] = [];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) ends.push(at);
  ends.push(text.length);
  let cased: string | undefined;
  // Most texts have no name to cut: then no place is the border of one.
  const withCase = () => (/[a-z\d][A-Z]|[A-Z]{2}[a-z]/.test(plain) ? foldEven(plain, { keepCase: true }) : "");
  return { text, ends, cased: () => (cased ??= withCase()) };
}

/** Nobody's rank depends on how often more than this a text repeats a term. */
const enough = 32;

const nowhere: Occurrences[] = [];

function occurrences(document: Document, term: Sought): Occurrences[] {
  const found: Occurrences[] = [];
  // A word and its forms begin alike, so one look finds both.
  if (term.stems.length === 1) countHits(found, document, term, commonStart(term.stems[0]!));
  else {
    countHits(found, document, term, term.text);
    countForms(found, document, term.stems, term.text);
  }
  if (term.parts.length > 0 && !found.some(({ word }) => word > 0)) {
    countForms(found, document, term.parts, term.text);
  }
  return found.length > 0 ? found : nowhere;
}

function count(found: Occurrences[], { ends }: Document, at: number, kind: Kind): void {
  let i = 0;
  while (ends[i]! <= at) i++;
  const field = fieldNames[i]!;
  let own = found.find((one) => one.field === field);
  if (!own) found.push((own = { field, word: 0, form: 0, start: 0, inside: 0 }));
  own[kind]++;
}

/** Counts where a term stands as typed, and the forms of its one word; `probe` is what both begin with. */
function countHits(found: Occurrences[], document: Document, term: Sought, probe: string): void {
  const { text } = document;
  let at = text.indexOf(probe);
  for (let n = 0; at >= 0 && n < enough;) {
    const isTyped = text.startsWith(term.text, at);
    const kind = kindOf(document, at, term, isTyped);
    if (kind !== undefined && (!term.whole || kind === "word" || kind === "form")) {
      count(found, document, at, kind);
      n++;
    }
    at = text.indexOf(probe, at + (isTyped ? term.text.length : probe.length));
  }
}

/** What the hit at a place is; undefined where it only begins like the term. */
function kindOf(document: Document, at: number, term: Sought, isTyped: boolean): Kind | undefined {
  const { text } = document;
  if (term.stems.length !== 1 || (at > 0 && isWordCharacter(text, at - 1))) {
    const place = isTyped ? placeOf(document, at, term.text.length) : undefined;
    const mayBeForm = term.stems.length > 0 && place !== "word" && place !== "form" && isStart(document, at);
    return mayBeForm && follow(document, at, term.stems) ? "form" : place;
  }
  // From here on it follows from the word alone.
  const word = (document.cased() || text).slice(at, wordEnd(text, at));
  const key = isTyped ? word : ` ${word}`; // what follows a word may belong to the term: `c++`
  if (!term.known.has(key)) {
    const place = isTyped ? placeOf(document, at, term.text.length) : undefined;
    const isForm = place !== "word" && place !== "form" && follow(document, at, term.stems);
    term.known.set(key, isForm ? "form" : place);
  }
  return term.known.get(key);
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
  return text.charCodeAt(at) > 0x7f && /^[ァ-ヺー]{2}/.test(text.slice(at - 1, at + 1));
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
  const end = wordEnd(text, from);
  for (let at = from + 1; at < end; at++) {
    if (isPartStart(document.cased(), at) && stemOf(text.slice(from, at)) === stem) return at;
  }
  return stemOf(text.slice(from, end)) === stem ? end : undefined;
}

/** Words of more letters than these are no words, and not looked at to their end. */
const longestWord = 64;

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && at - from <= longestWord && isWordCharacter(text, at)) at++;
  return at;
}

function isWordCharacter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 128) return (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
  return code >= 128 && isSpacedWord(text[at]!);
}
