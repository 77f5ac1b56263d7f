import type { Database } from "bun:sqlite";
import { conditionOf, type Filter } from "./filter.ts";
import { columns, found, type Found, type Row } from "./reader.ts";
import type { SearchIndex } from "./search-index.ts";
import { matchText } from "./search-match.ts";
import { parseQuery, type Query, type Term } from "./search-query.ts";
import { newestFirst, rank, weights, type Candidate, type Explanation, type Weights } from "./search-rank.ts";
import { scopeOf } from "./search-scope.ts";
import { bestRows, idf, selectAll, selectAny, type Selection } from "./search-select.ts";

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
  explanation: Explanation;
}

export interface SearchResult {
  hits: Hit[];
  /** All words were asked for, and only entries with some of them were found. */
  fellBack: boolean;
}

/** Entries whose score is below this share of the best one's are not shown where any word is enough. */
export const tail = 0.3;

/** How many texts one search reads at least, where so many are selected. */
const texts = 200;
/** How much text one search reads: so many characters of payload for each entry it may show. */
const charactersPerEntry = 80_000;

interface Read extends Candidate, Found {}

export function openSearch(db: Database, index: SearchIndex) {
  /** Reads rows in order, as many as pass the filter, until enough of them match. */
  function read(rows: number[], query: Query, question: Question, matches: (read: Read) => boolean): Read[] {
    const { sql, parameters } = conditionOf(question.filter, question.now);
    const statement = db.query<Row, { [name: string]: string | number }>(
      `select ${columns} from json_each($rows) c cross join observation o on o.seq = c.value
       cross join record r on r.seq = o.seq where ${sql}`,
    );
    const enough = Math.max(texts, question.limit);
    let charactersLeft = charactersPerEntry * enough;
    const taken: Read[] = [];
    for (let at = 0; at < rows.length && taken.length < enough && charactersLeft > 0; at += texts) {
      for (const row of statement.iterate({ ...parameters, rows: JSON.stringify(rows.slice(at, at + texts)) })) {
        charactersLeft -= row.payload.length;
        const entry = found(row);
        const candidate = { ...entry, match: matchText(query, entry.observation) };
        if (matches(candidate)) taken.push(candidate);
        if (charactersLeft <= 0) break;
      }
    }
    return taken;
  }

  function ranked(selection: Selection, query: Query, question: Question, matches: (read: Read) => boolean): Hit[] {
    const all = index.lastRow();
    const candidates = read(bestRows(selection.scores, 20 * texts), query, question, matches);
    const count = (term: Term) =>
      selection.counts.get(term.text) ?? (term.stems.length === 1 ? index.documentCount(term.stems[0]!) : 1);
    return rank(candidates, {
      query,
      idf: (term) => idf(count(term), all),
      now: question.now,
      projectHere: question.projectHere ?? "",
      weights: question.weights ?? weights,
    });
  }

  function all(query: Query, question: Question): Hit[] {
    const scope = scopeOf(db, index, question.filter, question.now);
    const hits = ranked(
      selectAll(index, query, scope),
      query,
      question,
      ({ match }) => match.asTyped || match.words.every((word) => word.length > 0),
    );
    return typedFirst(hits);
  }

  function any(query: Query, question: Question): Hit[] {
    const scope = scopeOf(db, index, question.filter, question.now);
    const hits = ranked(selectAny(index, query, scope), query, question, ({ match }) =>
      match.terms.some((term) => term.length > 0),
    );
    return typedFirst(hits);
  }

  /** Observations that match a query and pass a filter, in the order that is asked for. */
  function search(text: string, filter: Filter, now: string, limit: number, options: SearchOptions = {}): SearchResult {
    const question = { filter, now, limit, ...options };
    const { hits, fellBack } = answer(parseQuery(text), question, options.mode ?? "auto");
    if (options.sort === "newest") hits.sort((a, b) => newestFirst(a.observation, b.observation));
    return { hits: hits.slice(0, limit), fellBack };
  }

  function answer(query: Query, question: Question, mode: SearchMode): SearchResult {
    if (mode === "or") return { hits: any(query, question), fellBack: false };
    const whole = mode !== "auto" || query.short ? all(query, question) : [];
    if (mode === "and" || (mode === "auto" && whole.length > 0)) return { hits: whole, fellBack: false };
    const some = any(query, question);
    if (mode === "auto") return { hits: withoutTail(some), fellBack: query.short && some.length > 0 };
    const known = new Set(whole.map((hit) => hit.observation.observation_id));
    return { hits: [...whole, ...some.filter((hit) => !known.has(hit.observation.observation_id))], fellBack: false };
  }

  return search;
}

function typedFirst(hits: Hit[]): Hit[] {
  const isTyped = (hit: Hit) => hit.explanation.matched === "as typed";
  return [...hits.filter(isTyped), ...hits.filter((hit) => !isTyped(hit))];
}

function withoutTail(hits: Hit[]): Hit[] {
  const best = Math.max(...hits.map((hit) => hit.explanation.score));
  return hits.filter((hit) => hit.explanation.score >= tail * best || hit.explanation.matched === "as typed");
}
