import type { Database } from "bun:sqlite";
import type { Observation } from "../core/observation.ts";
import { indexTokens, quoted, scopeToken, stemToken } from "./search-text.ts";

export type SearchIndex = ReturnType<typeof openSearchIndex>;

/**
 * Raised whenever the tables or the text analysis change. Tables of an older version are made anew when a database is
 * opened; those of a newer one, which another process may have made meanwhile, are neither read nor written.
 */
const version = 1;

/**
 * FTS5 serves as an inverted index and no more: tokens are made by search-text.ts, texts are read from the log. So it
 * keeps no text (`content = ''`), no sizes and no positions. The tokenizer splits at spaces only. SQLite 3.39 can do it.
 */
const tables = `
  create virtual table search_index using fts5 (
    tokens, content = '', columnsize = 0, detail = none,
    tokenize = "ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_\`{|}~'"
  );
  create virtual table search_token using fts5vocab (search_index, row);
`;
const names = ["search_token", "search_index"] as const;

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
  function write(sql: string, seq: number, tokens: () => string): void {
    if (storedVersion() !== version) return void storeVersion(0);
    db.query(sql).run(seq, tokens());
  }

  return {
    /** Puts an observation in; `tokens` are those of it that `tokensOf` gives, where someone has made them already. */
    add: (seq: number, observation: Observation, tokens?: string): void =>
      write("insert into search_index (rowid, tokens) values (?, ?)", seq, () => tokens ?? tokensOf(observation)),

    /** Takes an observation out. It must be the one that was added. */
    remove: (seq: number, observation: Observation): void =>
      write("insert into search_index (search_index, rowid, tokens) values ('delete', ?, ?)", seq, () =>
        tokensOf(observation),
      ),

    /** Makes the tables anew, without any content. */
    clear(): void {
      for (const name of names) drop(db, name);
      db.run(tables);
      storeVersion(version);
    },

    /** Merges all that was added and removed, so that no token is left of what was removed. */
    optimize: () => db.run("insert into search_index (search_index) values ('optimize')"),

    /** Throws SQLITE_CORRUPT_VTAB where the tables contradict themselves. */
    check: () => db.run("insert into search_index (search_index) values ('integrity-check')"),

    /** The tables are missing, or of an older build. */
    isOutdated: (): boolean => storedVersion() < version,

    /** The tables can be searched. */
    isCurrent: (): boolean => storedVersion() === version,

    /** The rows that satisfy an expression of FTS5's query language, the latest learned of first. */
    rows(expression: string, scope: Scope, limit: number): number[] {
      const narrowed = scope.expression ? `(${expression}) AND ${scope.expression}` : expression;
      const { rows } = db
        .query<{ rows: string | null }, [string, number, number, number]>(
          `select group_concat(seq) as rows from (select rowid as seq from search_index where search_index match ?
           and rowid between ? and ? order by rowid desc limit ?)`,
        )
        .get(narrowed, scope.from, scope.to, limit)!;
      // One text for all rows: many times faster than to have them one by one from SQLite.
      return rows === null ? [] : (JSON.parse(`[${rows}]`) as number[]);
    },

    /** In how many observations a stem occurs. */
    countOf(stem: string): number {
      const count = db.query<{ doc: number }, [string]>("select doc from search_token where term = ?");
      return count.get(stemToken(stem))?.doc ?? 0;
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

/** The tokens by which an observation is found. */
export function tokensOf(observation: Observation): string {
  return `${indexTokens(observation)} ${scopeTokens(observation)}`;
}

function scopeTokens(observation: Observation): string {
  return scopeColumns.map((column, i) => scopeToken(String(i), observation[column])).join(" ");
}

/** An expression for the observations with a value in a column. */
export function inScope(column: ScopeColumn, value: string): string {
  return quoted(scopeToken(String(scopeColumns.indexOf(column)), value));
}

function drop(db: Database, name: string): void {
  db.run(`drop table if exists ${name}`);
}

/** True for what SQLite throws where the search tables are damaged or gone. */
export function isIndexDamage(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "SQLITE_CORRUPT_VTAB") return true;
  return /(?:no such table|vtable constructor failed): .*search_(?:index|token)/.test(String(message));
}
