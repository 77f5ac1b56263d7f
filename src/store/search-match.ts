import type { Observation } from "../core/observation.ts";
import type { Query, Term } from "./search-query.ts";
import { fieldNames, fieldText, fold, isSpacedWord, stemOf, type FieldName } from "./search-text.ts";

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

interface Field {
  name: FieldName;
  text: string;
  /** The text before its case was folded, where its characters still stand at the same places. */
  cased: string | undefined;
}

/** Compares an observation's text with a query. */
export function matchText(query: Query, observation: Observation): TextMatch {
  const fields: Field[] = [];
  const lengths = {} as TextMatch["lengths"];
  for (const name of fieldNames) {
    const cased = fieldText(observation, name);
    const text = cased === "" ? "" : fold(cased);
    lengths[name] = text.length;
    if (text !== "") fields.push({ name, text, cased: cased.length === text.length ? cased : undefined });
  }
  const occurrences = (term: Term) => fields.flatMap((field) => occurrencesIn(field, term) ?? []);
  return {
    asTyped: query.text !== "" && fields.some(({ text }) => text.includes(query.text)),
    words: query.words.map(occurrences),
    terms: query.terms.map(occurrences),
    lengths,
  };
}

/** Nobody's rank depends on how often more than this a field repeats a term. */
const enough = 8;

function occurrencesIn(field: Field, term: Term): Occurrences | undefined {
  const found: Occurrences = { field: field.name, word: 0, form: 0, start: 0, inside: 0 };
  const { text } = field;
  let at = text.indexOf(term.text);
  for (let n = 0; at >= 0 && n < enough; n++) {
    found[placeOf(field, at, term.text.length)]++;
    at = text.indexOf(term.text, at + term.text.length);
  }
  if (found.word === 0) found.form = formsIn(text, term.stems) || formsIn(text, term.parts);
  return found.word + found.form + found.start + found.inside > 0 ? found : undefined;
}

/** Whether a hit is a word, the start of one (or of a part of a name), or inside of one. */
function placeOf({ text, cased }: Field, at: number, length: number): "word" | "start" | "inside" {
  const startsPart = cased !== undefined && at > 0 && /[^A-Z][A-Z]/.test(cased.slice(at - 1, at + 1));
  if (at > 0 && continues(text, at) && !startsPart) return "inside";
  return at + length === text.length || !continues(text, at + length) ? "word" : "start";
}

/** True where the characters before and at a place belong to one word. Kanji and hiragana have no such words. */
function continues(text: string, at: number): boolean {
  if (isWordCharacter(text, at - 1)) return isWordCharacter(text, at);
  return /^[\p{sc=Kana}ー]{2}/u.test(text.slice(at - 1, at + 1));
}

/** How often words with these stems follow one another. */
function formsIn(text: string, stems: readonly string[]): number {
  if (stems.length === 0) return 0;
  const probe = commonStart(stems[0]!);
  let count = 0;
  let at = text.indexOf(probe);
  for (let n = 0; at >= 0 && count < enough && n < 8 * enough; n++) {
    if ((at === 0 || !isWordCharacter(text, at - 1)) && follow(text, at, stems)) count++;
    at = text.indexOf(probe, at + 1);
  }
  return count;
}

/** The letters that all words of a stem begin with: stemming may have changed its last one. */
function commonStart(stem: string): string {
  return stem.length > 3 || stem.endsWith("i") ? stem.slice(0, -1) : stem;
}

/** True where the words from a place on have these stems. What stands between two of them is no letter or digit. */
function follow(text: string, from: number, stems: readonly string[]): boolean {
  let at = from;
  for (const stem of stems) {
    while (at < text.length && !isWordCharacter(text, at)) at++;
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
  return isSpacedWord(text[at]!);
}
