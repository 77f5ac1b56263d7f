import type { Database } from "bun:sqlite";
import type { Observation } from "../core/observation.ts";

export type SearchIndex = ReturnType<typeof openSearchIndex>;

/** The full-text tables over the observations that a search may show. */
export function openSearchIndex(db: Database) {
  const add = () => db.query("insert into words (rowid, content, subject, summary) values (?, ?, ?, ?)");
  const remove = () =>
    db.query("insert into words (words, rowid, content, subject, summary) values ('delete', ?, ?, ?, ?)");
  const match = () =>
    db.query<{ seq: number }, [string, number]>(
      "select rowid as seq from words where words match ? order by rank limit ?",
    );

  return {
    add: (seq: number, o: Observation) => void add().run(seq, o.content, o.subject, o.summary),
    remove: (seq: number, o: Observation) => void remove().run(seq, o.content, o.subject, o.summary),
    clear: () => db.run("insert into words (words) values ('delete-all')"),
    /** Merges all that was added and removed, so that no word is left of what was removed. */
    optimize: () => db.run("insert into words (words) values ('optimize')"),
    /** Throws SQLITE_CORRUPT_VTAB where the tables contradict themselves. */
    check: () => db.run("insert into words (words) values ('integrity-check')"),
    match(query: string, limit: number): number[] {
      const words = query.split(/\s+/).filter(Boolean).map(quoted);
      return words.length
        ? match()
            .all(words.join(" OR "), limit)
            .map((row) => row.seq)
        : [];
    },
  };
}

/** FTS5 reads bare punctuation as operators; a quoted word is only ever a word. */
function quoted(word: string): string {
  return `"${word.replaceAll('"', '""')}"`;
}
