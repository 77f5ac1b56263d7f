import type { Database } from "bun:sqlite";
import { stemToken } from "./search-text.ts";

/** What narrows a search inside of the index: an expression ("" for none), and the first and last row. */
export interface Scope {
  expression: string;
  from: number;
  to: number;
}

/** What a search reads of the search tables. */
export interface Look {
  /** The rows that satisfy an expression of FTS5's query language, the latest learned of first; none satisfies "". */
  rows(expression: string, scope: Scope, limit: number): number[];
  /** In how many observations a stem occurs; of a common one, in how many it did not long ago. */
  countOf(stem: string): number;
  /** The highest row there is: how many observations there are, or somewhat more. */
  lastRow: number;
}

/** A stem that so many observations have is common: when as many more are learned of, it has about as many still. */
const common = 1_000;

/** Looks into search tables, by the names of the index and of its vocabulary. */
export function openLooks(db: Database) {
  /** To count where a stem occurs SQLite walks the whole list: what is known of the common ones is kept. */
  const known = { age: 0, counts: new Map<string, number>() };

  function countsAt(age: number): Map<string, number> {
    if (known.age !== age) known.counts.clear();
    known.age = age;
    return known.counts;
  }

  return function look(index: string, vocabulary: string): Look {
    const lastRow = db.query<{ seq: number | null }, []>("select max(seq) as seq from observation").get()!.seq ?? 0;
    const counts = countsAt(Math.floor(lastRow / common));
    const matching = db.query<{ rows: string | null }, [string, number, number, number]>(
      `select group_concat(seq) as rows from (select rowid as seq from ${index} where ${index} match ?
       and rowid between ? and ? order by rowid desc limit ?)`,
    );
    const count = db.query<{ doc: number }, [string]>(`select doc from ${vocabulary} where term = ?`);
    return {
      lastRow,
      rows(expression, { expression: narrowing, from, to }, limit) {
        if (expression === "") return []; // asks for nothing, which FTS5 takes for an error
        const narrowed = narrowing ? `(${expression}) AND ${narrowing}` : expression;
        const { rows } = matching.get(narrowed, from, to, limit)!;
        // One text for all rows: many times faster than to have them one by one from SQLite.
        return rows === null ? [] : (JSON.parse(`[${rows}]`) as number[]);
      },
      countOf(stem) {
        const found = counts.get(stem) ?? count.get(stemToken(stem))?.doc ?? 0;
        if (found >= common) counts.set(stem, found);
        return found;
      },
    };
  };
}
