import type { Scope, SearchIndex } from "./search-index.ts";
import type { Query, Term } from "./search-query.ts";
import { gramQuery, headQuery, stemQuery } from "./search-text.ts";

/** What the index says before any text is read. */
export interface Selection {
  /** A score for each row, 0 where it is not selected. */
  scores: Float32Array;
  /** For each of the query's terms in how many observations it occurs, as far as that is known. */
  counts: (number | undefined)[];
  /** For each of them whether any observation may have it as words. */
  areWords: boolean[];
}

/**
 * How many rows one search takes from the index, at some 100 ns each. Rare words come first and select; those that are
 * too common for what is left only re-rank. Of a word that is too common by itself the latest rows select.
 */
const rowBudget = 20_000;

/** At most so many of them for one term that is looked up by its grams, and at most so many such look-ups. */
const gramRowLimit = 10_000;
const gramLookups = 24;

/** Where more rows than this are selected, it pays to ask the index which are the better ones. */
const many = 200;

/**
 * How much a hit in subject, summary or tags adds to 1 for a hit at all, while texts are not read yet. Where any word is
 * enough it gained nothing: which words there are says more.
 */
const headWeight = 0.6;

/** Selects the observations in which every word of the query occurs, as far as the budget goes. */
export function selectAll(index: SearchIndex, query: Query, scope: Scope): Selection {
  const scores = new Float32Array(index.lastRow() + 1);
  const asWords = query.terms.map((term) => wordCount(index, term));
  const areWords = asWords.map((count) => count > 0);
  const counts = query.terms.map(({ stems }, i) => (stems.length === 1 ? asWords[i] : undefined));
  const selection = { scores, counts, areWords };

  const typed = conjunction(gramQuery(query.text));
  const all =
    conjunction(query.words.map((term) => expressionOf(term))) ||
    conjunction(query.words.map((term) => expressionOf(term, true)));
  if (all === "") return selection;
  // Of one word all that is typed is among all there is: its grams are walked but once.
  const [only] = query.words.length === 1 ? query.words : [];
  const rows = index.rows((only && typed !== "" && stemsOf(only)) || all, scope, rowBudget);
  for (const row of rows) scores[row] = 1;
  if (typed !== "" && (only || rows.length > many)) {
    for (const row of index.rows(typed, scope, rowBudget))
      if (only || scores[row]! > 0) scores[row]! += query.words.length;
  }
  if (rows.length > many) {
    for (const { stems } of query.words) {
      const head = conjunction(stems.map(headQuery));
      if (head !== "") raise(scores, index.rows(head, scope, gramRowLimit), headWeight);
    }
  }
  return selection;
}

/**
 * Selects observations in which any term of the query occurs: those with the rarest, as far as the budget goes. A word
 * is looked for as a word; inside of words only where it is a fragment, or where no observation has it as a word.
 */
export function selectAny(index: SearchIndex, query: Query, scope: Scope): Selection {
  const size = index.lastRow() + 1;
  const scores = new Float32Array(size);
  const counts = query.terms.map((term) => wordCount(index, term));
  const areWords = counts.map((count) => count > 0);
  let [rowsLeft, lookupsLeft] = [rowBudget, gramLookups];
  const byRarity = query.terms
    .map((term, i) => ({ term, i }))
    .toSorted((a, b) => counts[a.i]! - counts[b.i]! || b.term.weight - a.term.weight);
  for (const { term, i } of byRarity) {
    const anywhere = (term.fragment || !areWords[i]) && lookupsLeft-- > 0;
    const expression = anywhere ? expressionOf(term) : stemsOf(term);
    const isTooCommon = counts[i]! > rowsLeft && rowsLeft < rowBudget;
    if (isTooCommon || rowsLeft <= 0 || expression === "") continue;
    const limit = anywhere ? Math.min(rowsLeft, gramRowLimit) : rowsLeft;
    const rows = index.rows(expression, scope, limit);
    if (anywhere) counts[i] = Math.max(counts[i]!, estimate(rows, limit, size));
    rowsLeft -= rows.length;
    const worth = term.weight * idf(counts[i]!, size);
    for (const row of rows) scores[row]! += worth;
  }
  return { scores, counts, areWords };
}

/** The selected rows with the best scores, the latest learned of first where they are equal. */
export function bestRows(scores: Float32Array, limit: number): number[] {
  const levels = 1024;
  let highest = 0;
  for (let row = 0; row < scores.length; row++) if (scores[row]! > highest) highest = scores[row]!;
  if (highest === 0) return [];
  const perLevel = new Uint32Array(levels + 1);
  for (let row = 0; row < scores.length; row++) perLevel[Math.ceil((scores[row]! / highest) * levels)]!++;
  let [level, above] = [levels, 0];
  while (level > 1 && above + perLevel[level]! < limit) above += perLevel[level--]!;
  let atLevel = limit - above;
  const rows: number[] = [];
  for (let row = scores.length - 1; row >= 0; row--) {
    if (scores[row] === 0) continue;
    const own = Math.ceil((scores[row]! / highest) * levels);
    if (own > level || (own === level && atLevel-- > 0)) rows.push(row);
  }
  return rows.sort((a, b) => scores[b]! - scores[a]! || b - a);
}

/** How much a term tells that occurs in `count` of `all` observations: the inverse document frequency of BM25. */
export function idf(count: number, all: number): number {
  return Math.log(1 + (Math.max(all, count) - count + 0.5) / (count + 0.5));
}

function raise(scores: Float32Array, rows: number[], weight: number): void {
  for (const row of rows) if (scores[row]! > 0) scores[row]! += weight;
}

/** How many rows there are where only the latest were taken: as many more as they reach back less. */
function estimate(rows: number[], limit: number, size: number): number {
  return rows.length < limit ? rows.length : Math.round((limit * size) / Math.max(1, size - rows.at(-1)!));
}

/** At most how many observations have a term as words. */
function wordCount(index: SearchIndex, { stems }: Term): number {
  return stems.length === 0 ? 0 : Math.min(...stems.map((stem) => index.countOf(stem)));
}

/** What a term's observations satisfy: they have its words, or its characters. "" where it has neither. */
function expressionOf(term: Term, atAnyCost = false): string {
  const grams = term.whole ? [] : gramQuery(term.text, { atAnyCost });
  return [stemsOf(term), conjunction(grams)].filter(Boolean).join(" OR ");
}

function stemsOf({ stems, parts }: Term): string {
  const alternatives = [...new Set([stems, parts].map((words) => conjunction(words.map(stemQuery))))];
  return alternatives.filter(Boolean).join(" OR ");
}

/** What satisfies all of some expressions; "" where there is none. */
function conjunction(expressions: readonly string[]): string {
  return expressions
    .filter(Boolean)
    .map((expression) => `(${expression})`)
    .join(" AND ");
}
