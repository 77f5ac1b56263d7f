import type { Look, Scope } from "./search-look.ts";
import type { Query, Term } from "./search-query.ts";
import { gramQuery, headQuery, stemQuery } from "./search-text.ts";

/** What the index says before any text is read. */
export interface Selection {
  /** A score for each row, 0 where it is not selected; and the rows that are. */
  scores: Float32Array;
  rows: number[];
  /** For each of the query's terms in how many observations it may occur as words, or was found to occur at all. */
  counts: number[];
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

/** An expression that looks for characters by so many of their grams. */
type Expression = (grams: number) => string;

/** Each gram is a list to walk: few are asked for, and more only where these select many. */
const grams = { few: 5, more: 8 };

/** The rows that satisfy an expression. Where few grams select very many, it is what they stand for that is common. */
function rowsOf(look: Look, scope: Scope, limit: number, expression: Expression): number[] {
  const [first, narrower] = [expression(grams.few), expression(grams.more)];
  const rows = look.rows(first, scope, limit);
  const isVague = rows.length > many && rows.length < limit / 2 && narrower !== first;
  return isVague ? look.rows(narrower, scope, limit) : rows;
}

/** Selects the observations in which every word of the query occurs, as far as the budget goes. */
export function selectAll(look: Look, query: Query, scope: Scope): Selection {
  const selection = emptySelection(look, query);
  const [only] = query.words.length === 1 ? query.words : [];
  if (only && stemsOf(only) !== "") selectWord(selection, only, look, scope);
  else raise(selection, rowsOf(look, scope, rowBudget, allWords(query)), 1);
  // A short word is looked for as a word, but what was typed may begin inside of one: `go build` in `cargo build`.
  const typed: Expression = (most) => conjunction(gramQuery(query.text, { most }));
  const hasShort = query.words.some(({ whole }) => whole);
  if (hasShort) raise(selection, rowsOf(look, scope, rowBudget, typed), query.words.length);
  if (selection.rows.length <= many) return selection;
  if (only?.text !== query.text && !hasShort)
    raiseSelected(selection, rowsOf(look, scope, rowBudget, typed), query.words.length);
  for (const { stems } of query.words) {
    const heads: Expression = () => conjunction(stems.map(headQuery));
    raiseSelected(selection, rowsOf(look, scope, gramRowLimit, heads), headWeight);
  }
  return selection;
}

/** Selects the observations in which a word occurs: as it is, in another form, by its parts, inside of others. */
function selectWord(selection: Selection, word: Term, look: Look, scope: Scope): void {
  raise(selection, look.rows(stemsOf(word), scope, rowBudget), 1);
  if (word.parts.length > 0) raise(selection, look.rows(wordsOf(word.stems), scope, rowBudget), 1);
  // Two letters begin a great many grams. Where enough entries have them as a word, these come first anyway.
  const atAnyCost = selection.rows.length < many;
  const inside: Expression = (most) => (word.whole ? "" : conjunction(gramQuery(word.text, { most, atAnyCost })));
  raise(selection, rowsOf(look, scope, rowBudget, inside), 1);
}

/** What satisfies all words of a query; the dear ones among them count only where there are no others. */
function allWords({ words }: Query): Expression {
  const all = (most: number, atAnyCost: boolean) =>
    conjunction(words.map((term) => expressionOf(term, { most, atAnyCost })));
  return (most) => all(most, words.length === 1) || all(most, true);
}

/**
 * Selects observations in which any term of the query occurs: those with the rarest, as far as the budget goes. A word
 * is looked for as a word; inside of words only where it is a fragment, or where no observation has it as a word.
 */
export function selectAny(look: Look, query: Query, scope: Scope): Selection {
  const selection = emptySelection(look, query);
  const { counts, areWords } = selection;
  const size = selection.scores.length;
  let [rowsLeft, lookupsLeft] = [rowBudget, gramLookups];
  const byRarity = query.terms
    .map((term, i) => ({ term, i }))
    .toSorted((a, b) => counts[a.i]! - counts[b.i]! || b.term.weight - a.term.weight);
  for (const { term, i } of byRarity) {
    const anywhere = (term.fragment || !areWords[i]) && lookupsLeft-- > 0;
    const expression: Expression = (most) => (anywhere ? expressionOf(term, { most }) : stemsOf(term));
    const isTooCommon = counts[i]! > rowsLeft && rowsLeft < rowBudget;
    if (isTooCommon || rowsLeft <= 0) continue;
    const limit = anywhere ? Math.min(rowsLeft, gramRowLimit) : rowsLeft;
    const rows = rowsOf(look, scope, limit, expression);
    if (anywhere) counts[i] = Math.max(counts[i]!, estimate(rows, limit, size));
    rowsLeft -= rows.length;
    raise(selection, rows, term.weight * idf(counts[i]!, size));
  }
  return selection;
}

function emptySelection(look: Look, query: Query): Selection {
  const counts = query.terms.map((term) => wordCount(look, term));
  return {
    scores: new Float32Array(look.lastRow + 1),
    rows: [],
    counts,
    areWords: counts.map((count) => count > 0),
  };
}

/** The selected rows with the best scores, the latest learned of first where they are equal. */
export function bestRows({ scores, rows }: Selection, limit: number): number[] {
  const order = (a: number, b: number) => scores[b]! - scores[a]! || b - a;
  const best: number[] = [];
  let last = { row: 0, score: 0 }; // of the best that were known when they were last sorted: most rows come after it
  for (const row of rows) {
    const score = scores[row]!;
    if (score < last.score || (score === last.score && row < last.row)) continue;
    best.push(row);
    if (best.length < 2 * limit) continue;
    best.sort(order).length = limit;
    last = { row: best[limit - 1]!, score: scores[best[limit - 1]!]! };
  }
  return best.sort(order).slice(0, limit);
}

/** How much a term tells that occurs in `count` of `all` observations: the inverse document frequency of BM25. */
export function idf(count: number, all: number): number {
  return Math.log(1 + (Math.max(all, count) - count + 0.5) / (count + 0.5));
}

function raise({ scores, rows }: Selection, by: readonly number[], weight: number): void {
  for (const row of by) {
    if (scores[row] === 0) rows.push(row);
    scores[row]! += weight;
  }
}

/** The same, of what is selected already. */
function raiseSelected({ scores }: Selection, by: readonly number[], weight: number): void {
  for (const row of by) if (scores[row]! > 0) scores[row]! += weight;
}

/** How many rows there are where only the latest were taken: as many more as they reach back less. */
function estimate(rows: number[], limit: number, size: number): number {
  return rows.length < limit ? rows.length : Math.round((limit * size) / Math.max(1, size - rows.at(-1)!));
}

/** At most how many observations have a term as words. */
function wordCount(look: Look, { stems }: Term): number {
  return stems.length === 0 ? 0 : Math.min(...stems.map((stem) => look.countOf(stem)));
}

/** What a term's observations satisfy: they have its words, or its characters. "" where it has neither. */
function expressionOf(term: Term, options: Parameters<typeof gramQuery>[1]): string {
  const grams = term.whole ? [] : gramQuery(term.text, options);
  return [stemsOf(term), conjunction(grams)].filter(Boolean).join(" OR ");
}

function stemsOf({ stems, parts }: Term): string {
  return [...new Set([stems, parts].map(wordsOf))].filter(Boolean).join(" OR ");
}

const wordsOf = (stems: readonly string[]) => conjunction(stems.map(stemQuery));

/** What satisfies all of some expressions; "" where there is none. */
function conjunction(expressions: readonly string[]): string {
  return expressions
    .filter(Boolean)
    .map((expression) => `(${expression})`)
    .join(" AND ");
}
