import type { Database } from "bun:sqlite";
import { readObservation } from "../core/observation.ts";
import type { Filter } from "./filter.ts";
import type { Found } from "./reader.ts";
import type { SearchIndex } from "./search-index.ts";
import type { Occurrences, TextMatch } from "./search-match.ts";
import { parseQuery, type Query } from "./search-query.ts";
import { newestFirst, rank, usualWeights, type Explanation, type Ranked, type Weights } from "./search-rank.ts";
import { openTexts, type Candidate } from "./search-read.ts";
import { scopeOf } from "./search-scope.ts";
import { bestRows, idf, selectAll, selectAny } from "./search-select.ts";

export const searchModes = ["auto", "and", "or", "and_or"] as const;
export type SearchMode = (typeof searchModes)[number];

/** How a search goes about it. */
export interface SearchOptions {
  /** Which entries match (docs/search.md); `auto` where it is left out. */
  mode?: SearchMode;
  /** By relevance where it is left out. */
  sort?: "relevance" | "newest";
  /** The project one is in: its entries rank somewhat higher. */
  projectHere?: string;
  /** Reads the log instead of the search tables. */
  withoutIndex?: boolean;
  weights?: Weights;
}

interface Question extends SearchOptions {
  filter: Filter;
  now: string;
  limit: number;
}

/** An entry, and why it ranks where it does. */
export interface Hit extends Found {
  explain(): Explanation;
}

export interface SearchResult {
  hits: Hit[];
  /** All words were asked for, and only entries with some of them were found. */
  fellBack: boolean;
}

/** Entries whose score is below this share of the best one's are not shown where any word is enough. */
const tail = 0.3;

/** How many texts are compared, where so many are selected and no more are asked for. */
const usualTexts = 150;

/** How many rows are looked at for them, where a filter leaves few. */
const rowsPerText = 20;

/** What is looked for: observations with all words of a query, or with any term. */
type Which = "all" | "any";

/** Observations that match, not ranked yet, and how much each of the query's terms tells. */
interface Matches {
  candidates: Candidate[];
  idfs: number[];
}

export function openSearch(db: Database, index: SearchIndex) {
  const texts = openTexts(db);

  function fromIndex(query: Query, which: Which, { filter, now, limit, sort }: Question): Matches {
    const select = which === "all" ? selectAll : selectAny;
    const { scores, counts, areWords } = select(index, query, scopeOf(db, index, filter, now));
    const most = Math.max(usualTexts, limit);
    const matches = matcher(query, which, areWords);
    const looked = rowsPerText * most;
    const isNewest = sort === "newest" && which === "all"; // else the newest of those that are best
    const rows = isNewest ? texts.newest(bestRows(scores, scores.length), looked) : bestRows(scores, looked);
    const candidates = texts.among(rows, query, { filter, now, most }, matches);
    return { candidates, idfs: counts.map((count) => idf(count ?? candidates.length, scores.length)) };
  }

  function fromLog(query: Query, which: Which, { filter, now }: Question): Matches {
    const { candidates, read } = texts.all(query, filter, now);
    const countOf = (i: number, counts: (hits: Occurrences[]) => boolean) =>
      candidates.filter(({ match }) => counts(match.terms[i]!)).length;
    const asWords = query.terms.map((_, i) => countOf(i, hasWord));
    const matches = matcher(
      query,
      which,
      asWords.map((count) => count > 0),
    );
    const idfs = asWords.map((count, i) => idf(count || countOf(i, isFound), read));
    return { candidates: candidates.filter(({ match }) => matches(match)), idfs };
  }

  function ranked(query: Query, which: Which, question: Question): Ranked[] {
    const withIndex = !question.withoutIndex && index.isCurrent();
    const { candidates, idfs } = (withIndex ? fromIndex : fromLog)(query, which, question);
    const { now, projectHere = "", weights = usualWeights } = question;
    const all = rank(candidates, { query, idfs, now, projectHere, weights });
    const typed = all.filter(({ match }) => match.asTyped);
    return [...typed, ...all.filter(({ match }) => !match.asTyped)];
  }

  function answer(query: Query, question: Question): { found: Ranked[]; fellBack: boolean } {
    const { mode = "auto" } = question;
    const whole =
      mode === "and" || mode === "and_or" || (mode === "auto" && query.short) ? ranked(query, "all", question) : [];
    if (mode === "and" || (mode === "auto" && whole.length > 0)) return { found: whole, fellBack: false };
    const some = ranked(query, "any", question);
    if (mode === "auto") return { found: withoutTail(some), fellBack: query.short && some.length > 0 };
    const known = new Set(whole.map(({ id }) => id));
    return { found: [...whole, ...some.filter(({ id }) => !known.has(id))], fellBack: false };
  }

  /** Observations that match a query and pass a filter, in the order that is asked for. */
  return function search(
    text: string,
    filter: Filter,
    now: string,
    limit: number,
    options: SearchOptions = {},
  ): SearchResult {
    const { found, fellBack } = answer(parseQuery(text), { filter, now, limit, ...options });
    if (options.sort === "newest") found.sort(newestFirst);
    return { hits: found.slice(0, limit).map(hitOf), fellBack };
  };
}

function hitOf({ id, payload, state, explain }: Ranked): Hit {
  return { observation: readObservation(payload, id)!, payload, state, deleted_at: null, explain };
}

function withoutTail(ranked: Ranked[]): Ranked[] {
  const least = tail * Math.max(...ranked.map(({ score }) => score));
  return ranked.filter(({ score, match }) => match.asTyped || score >= least);
}

/**
 * Which texts match. In an any-match a term must be found by itself: a fragment anywhere, a word as a word. Inside of
 * other words a word only adds to what others find, unless no observation has it as a word.
 */
function matcher({ terms }: Query, which: Which, areWords: readonly boolean[]): (match: TextMatch) => boolean {
  if (which === "all") return ({ asTyped, words }) => asTyped || (words.length > 0 && words.every(isFound));
  const tests = terms.map(({ fragment }, i) => (fragment || !areWords[i] ? isFound : hasWord));
  return ({ asTyped, terms: found }) => asTyped || found.some((hits, i) => tests[i]!(hits));
}

const isFound = (hits: readonly Occurrences[]) => hits.length > 0;
const hasWord = (hits: readonly Occurrences[]) => hits.some(({ word, form }) => word + form > 0);
