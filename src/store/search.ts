import type { Database } from "bun:sqlite";
import { readObservation } from "../core/observation.ts";
import type { Filter } from "./filter.ts";
import type { Found } from "./reader.ts";
import { openCandidates, type Field, type Which } from "./search-candidates.ts";
import type { SearchIndex } from "./search-index.ts";
import { parseQuery, type Query } from "./search-query.ts";
import { newestFirst, rank, score, usualWeights, type Explanation, type Ranked, type Weights } from "./search-rank.ts";

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

type Question = Field & SearchOptions;

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

/** Beside how many of the best entries it is looked for others of their sessions. */
const looksBeside = 10;

export function openSearch(db: Database, index: SearchIndex) {
  const { fromIndex, fromLog } = openCandidates(db, index);

  function ranked(query: Query, which: Which, question: Question): Ranked[] {
    const withIndex = !question.withoutIndex && index.isCurrent();
    const { candidates, idfs, beside } = (withIndex ? fromIndex : fromLog)(query, which, question);
    const { now, projectHere = "", weights = usualWeights } = question;
    const base = { query, idfs, now, projectHere, weights };
    const scored = score(candidates, base);
    if (which === "any") {
      const best = scored.toSorted((a, b) => b.own - a.own).slice(0, looksBeside);
      scored.push(...score(beside(best), base));
    }
    return rank(scored, base).sort(bestFirst);
  }

  function answer(query: Query, question: Question): { found: Ranked[]; fellBack: boolean } {
    const { mode = "auto" } = question;
    const whole = mode !== "auto" || query.short ? ranked(query, "all", question) : [];
    if (mode === "and" || (mode === "auto" && whole.length > 0)) return { found: whole, fellBack: false };
    const some = ranked(query, "any", question);
    if (mode === "auto") return { found: withoutTail(some), fellBack: query.short && some.length > 0 };
    const known = new Set(whole.map(({ id }) => id));
    const found = [...whole, ...some.filter(({ id }) => !known.has(id))];
    return { found: mode === "or" ? found.sort(bestFirst) : found, fellBack: false };
  }

  /** Observations that match a query and pass a filter, in the order that is asked for. */
  function search(text: string, filter: Filter, now: string, limit: number, options: SearchOptions = {}): SearchResult {
    const { found, fellBack } = answer(parseQuery(text), { filter, now, limit, ...options });
    if (options.sort === "newest") found.sort(newestFirst);
    return { hits: found.slice(0, limit).map(hitOf), fellBack };
  }

  return db.transaction(search); // all of it sees the same, and the lock is taken but once
}

/** What the query stands in as typed comes before the rest. */
function bestFirst(a: Ranked, b: Ranked): number {
  return Number(b.match.asTyped) - Number(a.match.asTyped) || b.score - a.score || newestFirst(a, b);
}

function hitOf({ id, payload, state, explain }: Ranked): Hit {
  return { observation: readObservation(payload, id)!, payload, state, deleted_at: null, explain };
}

function withoutTail(ranked: Ranked[]): Ranked[] {
  const least = tail * Math.max(...ranked.map(({ score }) => score));
  return ranked.filter(({ score, match }) => match.asTyped || score >= least);
}
