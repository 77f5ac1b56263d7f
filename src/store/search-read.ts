import type { Database } from "bun:sqlite";
import { parseObject } from "../core/json.ts";
import { conditionOf, type Filter } from "./filter.ts";
import { stateOf, type ObservationState } from "./reader.ts";
import { textMatcher, type TextMatch } from "./search-match.ts";
import type { Query } from "./search-query.ts";
import { fieldTexts } from "./search-text.ts";

/** An observation whose text was compared with a query. */
export interface Candidate {
  seq: number;
  id: string;
  created_at: string;
  project: string;
  session_id: string;
  importance: number;
  state: ObservationState;
  payload: string;
  match: TextMatch;
}

type Row = Omit<Candidate, "match">;
type Parameters = { [name: string]: string | number };

/** How many rows are asked for at once. */
const portion = 60;

/** After so many texts in a row that do not match there is little hope: the likeliest come first. */
const patience = 60;

const byRow = "json_each($seqs) c cross join observation o on o.seq = c.value";

/** How many rows of some sessions are looked at. */
const sessionRows = 500;

/** How much text one search reads, in characters of payload for each entry that it may show. */
const charactersPerEntry = 80_000;

/** Reads the texts of observations and compares them with a query. */
export function openTexts(db: Database) {
  function rows(from: string, filter: Filter, now: string, parameters: Parameters) {
    const condition = conditionOf(filter, now);
    // What passes other filters is live: asking costs as much as reading the text.
    const state = filter.include_superseded || filter.include_expired ? stateOf : "'live'";
    const statement = db.query<Row, Parameters>(
      `select o.seq, o.id, o.created_at, o.project, o.session_id, o.importance, ${state} as state, r.payload
       from ${from} cross join record r on r.seq = o.seq where ${condition.sql}`,
    );
    const given = { ...condition.parameters, ...parameters };
    return { all: () => statement.all(given), iterate: () => statement.iterate(given) };
  }

  return {
    /** Of the observations in these rows, in this order, those that pass a filter and match, at most so many. */
    among(
      seqs: readonly number[],
      query: Query,
      { filter, now, most }: { filter: Filter; now: string; most: number },
      matches: (match: TextMatch) => boolean,
    ): Candidate[] {
      const candidates: Candidate[] = [];
      const compare = textMatcher(query);
      let charactersLeft = charactersPerEntry * most;
      let inVain = 0;
      const isDone = () => candidates.length >= most || inVain >= patience || charactersLeft <= 0;
      for (let at = 0; at < seqs.length && !isDone(); at += portion) {
        const some = JSON.stringify(seqs.slice(at, at + portion));
        for (const row of rows(byRow, filter, now, { seqs: some }).all()) {
          const match = compare(fieldTexts(parseObject(row.payload) ?? {}));
          inVain++;
          if (matches(match)) {
            candidates.push({ ...row, match });
            inVain = 0;
          }
          charactersLeft -= row.payload.length;
          if (isDone()) break;
        }
      }
      return candidates;
    },

    /** Rows of the observations of some sessions, so many at most. */
    ofSessions(sessions: readonly string[]): number[] {
      return db
        .query<{ seq: number }, [string]>(
          `select o.seq from json_each(?) s cross join observation o on o.session_id = s.value limit ${sessionRows}`,
        )
        .all(JSON.stringify([...new Set(sessions)].filter((id) => id !== "")))
        .map(({ seq }) => seq);
    },

    /** Rows in the order of their observations' times, the newest first. */
    newest(seqs: readonly number[], limit: number): number[] {
      return db
        .query<{ seq: number }, [string, number]>(
          `select o.seq from json_each(?) c cross join observation o on o.seq = c.value
           order by o.created_at desc, o.id desc limit ?`,
        )
        .all(JSON.stringify(seqs), limit)
        .map(({ seq }) => seq);
    },

    /** Of all observations that pass a filter, those in which anything of a query is found; and how many were read. */
    all(query: Query, filter: Filter, now: string): { candidates: Candidate[]; read: number } {
      const candidates: Candidate[] = [];
      const compare = textMatcher(query);
      let read = 0;
      for (const row of rows("observation o", filter, now, {}).iterate()) {
        const match = compare(fieldTexts(parseObject(row.payload) ?? {}));
        if (match.asTyped || [...match.terms, ...match.words].some((hits) => hits.length > 0)) {
          candidates.push({ ...row, match });
        }
        read++;
      }
      return { candidates, read };
    },
  };
}
