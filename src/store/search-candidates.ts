import type { Database } from "bun:sqlite";
import type { Filter } from "./filter.ts";
import type { SearchIndex } from "./search-index.ts";
import type { Occurrences, TextMatch } from "./search-match.ts";
import type { Query } from "./search-query.ts";
import { openTexts, type Candidate } from "./search-read.ts";
import { scopeOf } from "./search-scope.ts";
import { bestRows, idf, selectAll, selectAny } from "./search-select.ts";

/** What is looked for: observations with all words of a query, or with any of its terms. */
export type Which = "all" | "any";

/** Where it is looked for. */
export interface Field {
  filter: Filter;
  now: string;
  /** How many entries may be shown. */
  limit: number;
  sort?: "relevance" | "newest";
}

/** Observations that match, not ranked yet, and how much each of the query's terms tells. */
export interface Matches {
  candidates: Candidate[];
  idfs: number[];
  /** Others that match and are of the sessions of these, as far as they were too weak by themselves to be read. */
  beside(hits: readonly Candidate[]): Candidate[];
}

/** How many texts are compared, at least and beyond those that may be shown: the index alone ranks roughly. */
const texts = { least: 40, beyond: 10 };

/** How many rows are looked at for each of them: at first, and where a filter leaves few. */
const rowsPerText = { first: 3, most: 30 };

/** How many texts are compared because of what was found beside them. */
const textsBeside = 10;

/** Finds what matches: by the search tables, or by reading the log. */
export function openCandidates(db: Database, index: SearchIndex) {
  const reader = openTexts(db);

  function fromIndex(query: Query, which: Which, { filter, now, limit, sort }: Field): Matches {
    const select = which === "all" ? selectAll : selectAny;
    const look = index.look();
    const selection = select(look, query, scopeOf(db, look, filter, now));
    const { scores, counts } = selection;
    const matches = matcher(query, which, selection.areWords);
    const read = (rows: readonly number[], most: number) => reader.among(rows, query, { filter, now, most }, matches);
    const isNewest = sort === "newest" && which === "all"; // else the newest of those that are best
    const rowsOf = (most: number) => (isNewest ? reader.newest(selection.rows, most) : bestRows(selection, most));

    const most = Math.max(texts.least, limit + texts.beyond);
    const rows = rowsOf(rowsPerText.first * most);
    const candidates = read(rows, most);
    if (candidates.length < most && rows.length >= rowsPerText.first * most) {
      const looked = new Set(rows);
      const others = rowsOf(rowsPerText.most * most).filter((row) => !looked.has(row));
      candidates.push(...read(others, most - candidates.length));
    }
    return {
      candidates,
      idfs: counts.map((count) => idf(count || candidates.length, scores.length)),
      beside(hits) {
        const known = new Set(candidates.map(({ seq }) => seq));
        const others = reader.ofSessions(hits.map(({ session_id }) => session_id)).filter((seq) => !known.has(seq));
        others.sort((a, b) => scores[b]! - scores[a]!);
        return read(others.slice(0, textsBeside), textsBeside);
      },
    };
  }

  function fromLog(query: Query, which: Which, { filter, now }: Field): Matches {
    const { candidates, read } = reader.all(query, filter, now);
    const countOf = (i: number, isHit: (hits: Occurrences[]) => boolean) =>
      candidates.filter(({ match }) => isHit(match.terms[i]!)).length;
    const asWords = query.terms.map((_, i) => countOf(i, hasWord));
    const areWords = asWords.map((count) => count > 0);
    const matches = matcher(query, which, areWords);
    return {
      candidates: candidates.filter(({ match }) => matches(match)),
      idfs: asWords.map((count, i) => idf(count || countOf(i, isFound), read)),
      beside: () => [], // all that match are there
    };
  }

  return { fromIndex, fromLog };
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
