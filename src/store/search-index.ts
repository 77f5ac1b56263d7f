import type { Database } from "bun:sqlite";
import type { Observation } from "../core/observation.ts";
import { indexTokens, quoted } from "./search-text.ts";

export type SearchIndex = ReturnType<typeof openSearchIndex>;

/**
 * Raised whenever the tables or the text analysis change. Tables of an older version are made anew when a database is
 * opened; those of a newer one, which another process may have made meanwhile, are neither read nor written.
 */
const version = 1;

/**
 * FTS5 serves as an inverted index: tokens are made by search-text.ts, texts are read from the log. So the tables keep
 * neither text (`content = ''`) nor sizes, and `grams` no positions either. SQLite 3.39 can do all of this.
 */
const tables = `
  create virtual table words using fts5 (
    head, body, scope, content = '', columnsize = 0, tokenize = "ascii"
  );
  create virtual table grams using fts5 (
    gram, content = '', columnsize = 0, detail = none,
    tokenize = "ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_\`{|}~'"
  );
  create virtual table word_counts using fts5vocab (words, row);
`;
const names = ["word_counts", "words", "grams"] as const;

/** What narrows a search inside of the index: an expression ("" for none), and the first and last row. */
export interface Scope {
  expression: string;
  from: number;
  to: number;
}

/** The search tables: a projection of the observations that a search may show. */
export function openSearchIndex(db: Database) {
  const storedVersion = () =>
    Number(db.query<{ value: string }, []>("select value from state where key = 'search_version'").get()?.value ?? 0);
  const storeVersion = (value: number) =>
    db.query("insert or replace into state values ('search_version', ?)").run(String(value));

  /** Writes tokens where the tables are of this version. Else it marks them: whoever knows their version starts anew. */
  function write(seq: number, observation: Observation, toWords: string, toGrams: string): void {
    if (storedVersion() !== version) return void storeVersion(0);
    const { head, body, grams } = indexTokens(observation);
    const scope = scopeTokens(observation);
    db.query(toWords).run(seq, head, body, scope);
    db.query(toGrams).run(seq, `${grams} ${scope}`);
  }

  return {
    add: (seq: number, observation: Observation): void =>
      write(
        seq,
        observation,
        "insert into words (rowid, head, body, scope) values (?, ?, ?, ?)",
        "insert into grams (rowid, gram) values (?, ?)",
      ),

    /** Takes an observation out. It must be the one that was added. */
    remove: (seq: number, observation: Observation): void =>
      write(
        seq,
        observation,
        "insert into words (words, rowid, head, body, scope) values ('delete', ?, ?, ?, ?)",
        "insert into grams (grams, rowid, gram) values ('delete', ?, ?)",
      ),

    /** Makes the tables anew, without any content. */
    clear(): void {
      for (const name of names) drop(db, name);
      db.run(tables);
      storeVersion(version);
    },

    /** Merges all that was added and removed, so that no token is left of what was removed. */
    optimize(): void {
      for (const name of ["words", "grams"]) db.run(`insert into ${name} (${name}) values ('optimize')`);
    },

    /** Throws SQLITE_CORRUPT_VTAB where the tables contradict themselves. */
    check(): void {
      for (const name of ["words", "grams"]) db.run(`insert into ${name} (${name}) values ('integrity-check')`);
    },

    /** The tables are missing, or of an older build. */
    isOutdated: (): boolean => storedVersion() < version,

    /** The tables can be searched. */
    isCurrent: (): boolean => storedVersion() === version,

    ...queries(db),
  };
}

function queries(db: Database) {
  return {
    /** The rows that match an expression of FTS5's query language, the latest learned of first. */
    rows(table: "words" | "grams", expression: string, scope: Scope, limit: number): number[] {
      const narrowed = scope.expression ? `(${expression}) AND ${scope.expression}` : expression;
      const { rows } = db
        .query<{ rows: string | null }, [string, number, number, number]>(
          `select group_concat(seq) as rows from (select rowid as seq from ${table} where ${table} match ?
           and rowid between ? and ? order by rowid desc limit ?)`,
        )
        .get(narrowed, scope.from, scope.to, limit)!;
      // One text for all rows: many times faster than to have them one by one from SQLite.
      return rows === null ? [] : (JSON.parse(`[${rows}]`) as number[]);
    },

    /** In how many observations a stem occurs. */
    documentCount(stem: string): number {
      return db.query<{ doc: number }, [string]>("select doc from word_counts where term = ?").get(stem)?.doc ?? 0;
    },

    /** The highest row there is: how many observations there are, or somewhat more. */
    lastRow(): number {
      return db.query<{ seq: number | null }, []>("select max(seq) as seq from observation").get()!.seq ?? 0;
    },
  };
}

/** The columns that a search can be narrowed by inside of the index. */
const scopeColumns = ["project", "session_id", "agent_family", "client_id", "pc_id", "memory_type"] as const;
export type ScopeColumn = (typeof scopeColumns)[number];

function scopeTokens(observation: Observation): string {
  return scopeColumns.map((column) => scopeToken(column, observation[column])).join(" ");
}

/** The token of a column's value: no word of any text is like it. */
function scopeToken(column: ScopeColumn, value: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(value).digest("hex").slice(0, 12);
  return `\ue001${scopeColumns.indexOf(column)}${hash}`;
}

/** An expression for the observations with a value in a column. */
export function inScope(column: ScopeColumn, value: string): string {
  return quoted(scopeToken(column, value));
}

function drop(db: Database, name: string): void {
  db.run(`drop table if exists ${name}`);
}

/** True for what SQLite throws where the search tables are damaged or gone. */
export function isIndexDamage(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "SQLITE_CORRUPT_VTAB") return true;
  return names.some((name) =>
    new RegExp(`(?:no such table|vtable constructor failed): .*${name}`).test(String(message)),
  );
}
