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
 * How many rows one search takes from the index, at some 60 ns each. Rare words come first and select; of the first word
 * that is too common for what is left only the latest rows select, and commoner ones only re-rank.
 */
const rowBudget = 40_000;

/** At most so many of them for one term that is looked up by its grams, and at most so many such look-ups. */
const gramRowLimit = 10_000;
const gramLookups = 24;

/** Where more rows than this are selected, it pays to ask the index which are the better ones. */
const many = 200;

/** How much a hit in subject, summary or tags adds to 1 for a hit at all, while texts are not read yet. */
const headWeight = 0.6;

/** Selects the observations in which every word of the query occurs, as far as the budget goes. */
export function selectAll(index: SearchIndex, query: Query, scope: Scope): Selection {
  const scores = new Float32Array(index.lastRow() + 1);
  const asWords = query.terms.map((term) => wordCount(index, term));
  const areWords = asWords.map((count) => count > 0);
  const counts = query.terms.map(({ stems }, i) => (stems.length === 1 ? asWords[i] : undefined));
  const found = query.words.map(expressionOf).filter((expression) => expression !== "");
  const all = found.map((expression) => `(${expression})`).join(" AND ");
  if (all === "") return { scores, counts, areWords };
  const rows = index.rows(all, scope, rowBudget);
  for (const row of rows) scores[row] = 1;
  if (rows.length > many) {
    const typed = gramQuery(query.text).join(" AND ");
    if (typed !== "") raise(scores, index.rows(typed, scope, rowBudget), query.words.length);
    const heads = query.words.filter((term) => term.stems.length > 0).map(headOf);
    for (const head of heads) raise(scores, index.rows(`(${all}) AND ${head}`, scope, many), headWeight);
  }
  return { scores, counts, areWords };
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
    if (rowsLeft <= 0 || expression === "") continue;
    const limit = anywhere ? Math.min(rowsLeft, gramRowLimit) : rowsLeft;
    const rows = index.rows(expression, scope, limit);
    if (anywhere) counts[i] = Math.max(counts[i]!, estimate(rows, limit, size));
    rowsLeft -= rows.length;
    const worth = term.weight * idf(counts[i]!, size);
    for (const row of rows) scores[row]! += worth;
    if (rows.length > many && term.stems.length > 0) {
      raise(scores, index.rows(headOf(term), scope, gramRowLimit), headWeight * worth);
    }
  }
  return { scores, counts, areWords };
}

/** The selected rows with the best scores, the latest learned of first where they are equal. */
export function bestRows(scores: Float32Array, limit: number): number[] {
  const levels = 1024;
  const perLevel = new Uint32Array(levels + 1);
  let highest = 0;
  for (const score of scores) if (score > highest) highest = score;
  const levelOf = (score: number) => Math.ceil((score / highest) * levels);
  for (const score of scores) if (score > 0) perLevel[levelOf(score)]!++;
  let level = levels;
  let above = 0;
  while (level > 1 && above + perLevel[level]! < limit) above += perLevel[level--]!;
  let atLevel = limit - above;
  const rows: number[] = [];
  for (let row = scores.length - 1; row >= 0; row--) {
    const own = scores[row]! > 0 ? levelOf(scores[row]!) : 0;
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
function expressionOf(term: Term): string {
  const grams = gramQuery(term.text).join(" AND ");
  return [stemsOf(term), grams && `(${grams})`].filter(Boolean).join(" OR ");
}

function stemsOf({ stems, parts }: Term): string {
  const alternatives = [stems, parts].filter((words) => words.length > 0);
  return alternatives.map((words) => `(${words.map(stemQuery).join(" AND ")})`).join(" OR ");
}

function headOf({ stems }: Term): string {
  return stems.map(headQuery).join(" AND ");
}
