import type { Database } from "bun:sqlite";
import { readObservation } from "../core/observation.ts";
import type { Filter } from "./filter.ts";
import type { Found } from "./reader.ts";
import type { SearchIndex } from "./search-index.ts";
import type { TextMatch } from "./search-match.ts";
import { parseQuery, type Query, type Term } from "./search-query.ts";
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
const usualTexts = 200;

/** How many rows are looked at for them, where a filter leaves few. */
const rowsPerText = 20;

/** What is looked for: observations with all words of a query, or with any term. */
type Which = "all" | "any";

const matching: { [which in Which]: (match: TextMatch) => boolean } = {
  all: ({ asTyped, words }) => asTyped || (words.length > 0 && words.every((hits) => hits.length > 0)),
  any: ({ asTyped, terms }) => asTyped || terms.some((hits) => hits.length > 0),
};

export function openSearch(db: Database, index: SearchIndex) {
  const texts = openTexts(db);

  function fromIndex(query: Query, which: Which, { filter, now, limit }: Question) {
    const scope = scopeOf(db, index, filter, now);
    const { scores, counts } = (which === "all" ? selectAll : selectAny)(index, query, scope);
    const most = Math.max(usualTexts, limit);
    const candidates = texts.among(bestRows(scores, rowsPerText * most), query, { filter, now, most }, matching[which]);
    const countOf = ({ text, stems }: Term) => counts.get(text) ?? (stems.length === 1 ? index.countOf(stems[0]!) : 1);
    return { candidates, idfs: query.terms.map((term) => idf(countOf(term), scores.length)) };
  }

  function fromLog(query: Query, which: Which, { filter, now }: Question) {
    const candidates: Candidate[] = [];
    const counts = query.terms.map(() => 0);
    let all = 0;
    for (const candidate of texts.all(query, filter, now)) {
      all++;
      candidate.match.terms.forEach((hits, i) => (counts[i]! += Number(hits.length > 0)));
      if (matching[which](candidate.match)) candidates.push(candidate);
    }
    return { candidates, idfs: counts.map((count) => idf(count, all)) };
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
