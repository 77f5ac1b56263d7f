import type { Database } from "bun:sqlite";
import { parseObject } from "../core/json.ts";
import { conditionOf, type Filter } from "./filter.ts";
import { stateOf, type ObservationState } from "./reader.ts";
import { matchTexts, type TextMatch } from "./search-match.ts";
import type { Query } from "./search-query.ts";
import { fieldTexts } from "./search-text.ts";

/** An observation whose text was compared with a query. */
export interface Candidate {
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
const portion = 150;

/** How many texts are compared for each that may be taken. */
const textsPerTaken = 3;

/** How much text one search reads, in characters of payload for each entry that it may show. */
const charactersPerEntry = 80_000;

/** Reads the texts of observations and compares them with a query. */
export function openTexts(db: Database) {
  function rows(from: string, filter: Filter, now: string, parameters: Parameters) {
    const condition = conditionOf(filter, now);
    // What passes other filters is live: asking costs as much as reading the text.
    const state = filter.include_superseded || filter.include_expired ? stateOf : "'live'";
    return db
      .query<Row, Parameters>(
        `select o.id, o.created_at, o.project, o.session_id, o.importance, ${state} as state, r.payload
         from ${from} cross join record r on r.seq = o.seq where ${condition.sql}`,
      )
      .iterate({ ...condition.parameters, ...parameters });
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
      let charactersLeft = charactersPerEntry * most;
      let textsLeft = textsPerTaken * most;
      const isDone = () => candidates.length >= most || textsLeft <= 0 || charactersLeft <= 0;
      for (let at = 0; at < seqs.length && !isDone(); at += portion) {
        const some = JSON.stringify(seqs.slice(at, at + portion));
        for (const row of rows("json_each($seqs) c cross join observation o on o.seq = c.value", filter, now, {
          seqs: some,
        })) {
          const match = matchTexts(query, fieldTexts(parseObject(row.payload) ?? {}));
          if (matches(match)) candidates.push({ ...row, match });
          charactersLeft -= row.payload.length;
          textsLeft--;
          if (isDone()) break;
        }
      }
      return candidates;
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
      let read = 0;
      for (const row of rows("observation o", filter, now, {})) {
        const match = matchTexts(query, fieldTexts(parseObject(row.payload) ?? {}));
        if (match.asTyped || [...match.terms, ...match.words].some((hits) => hits.length > 0)) {
          candidates.push({ ...row, match });
        }
        read++;
      }
      return { candidates, read };
    },
  };
}
