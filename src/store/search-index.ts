import type { Database } from "bun:sqlite";
import type { Observation } from "../core/observation.ts";
import { openLooks, type Look } from "./search-look.ts";
import { quoted, scopeToken } from "./search-text.ts";
import { indexTokens } from "./search-tokens.ts";
import { openState } from "./state.ts";

export type SearchIndex = ReturnType<typeof openSearchIndex>;

/**
 * Raised whenever the tables or the text analysis change. Tables of an older version are made anew when a database is
 * opened; those of a newer one, which another process may have made meanwhile, are neither read nor written.
 */
const version = 2;

/** Where the state notes the version of the tables, and the number in their names. */
const stateKey = "search_index";
/** Where it notes how many transactions have left their merging for later: an import that was killed has no later. */
export const deferredKey = "search_deferred";

/**
 * FTS5 serves as an inverted index and no more: tokens are made by search-text.ts, texts are read from the log. So it
 * keeps no text (`content = ''`), no sizes and no positions. The tokenizer splits at spaces only. SQLite 3.39 can do it.
 */
const tables = (number: number) => `
  create virtual table ${indexName(number)} using fts5 (
    tokens, content = '', columnsize = 0, detail = none,
    tokenize = "ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_\`{|}~'"
  );
  create virtual table ${tokenName(number)} using fts5vocab (${indexName(number)}, row);
`;

/**
 * How the index is kept. A transaction gathers up to 16 MB and writes them as one part of the index: with the usual 1 MB, a
 * thousand observations would be several. Parts of a size are merged when there are eight of them and we say so: left to
 * itself SQLite merges now and then, and then so much that a save may wait for it for long. It cannot have 2,000 parts.
 */
const settings = { hashsize: 16 * 1024 * 1024, automerge: 0, crisismerge: 1_900, usermerge: 8 };

/**
 * Every so many-th row pays for the others, so that most saves wait for no merging; and pages that are merged for each row:
 * more than it takes on average, so that few parts of a size remain.
 */
const rowsPerMerge = 16;
const pagesPerRow = 8;
/** Pages that one transaction merges at the most: some 20 ms. */
const mostPages = 256;
/** Pages of one step of `settle`, which a pause follows. */
const stepPages = 512;
/** Transactions that may leave their merging for later. */
const mostDeferred = 500;

const indexName = (number: number) => `search_index_${number}`;
const tokenName = (number: number) => `search_token_${number}`;

/** The search tables: a projection of the observations that a search may show. */
export function openSearchIndex(db: Database) {
  const state = openState(db);
  const look = openLooks(db);

  /** The version of the tables, 0 where there are none, and the number in their names. */
  function stored(): { version: number; number: number } {
    const [stored = 0, number = 1] = state.get(stateKey)?.split(" ").map(Number) ?? [];
    return { version: stored, number };
  }
  const store = (stored: number, number: number) => state.set(stateKey, `${stored} ${number}`);

  /** Gives the index a command of FTS5's. */
  function command(command: string, value: number | null = null): void {
    const table = indexName(stored().number);
    db.query(`insert into ${table} (${table}, rank) values (?, ?)`).run(command, value);
  }

  const changes = () => db.query<{ n: number }, []>("select total_changes() as n").get()!.n;

  /** Merges about so many pages of the index; false where there was nothing to merge. */
  function merge(pages: number): boolean {
    if (stored().version !== version) return false;
    const before = changes();
    command("merge", pages);
    return changes() - before > 1; // the command itself is one
  }

  /** Rows that were written and for which nothing was merged yet. */
  let written = 0;
  /** Pages that are to be merged for them. */
  let owed = 0;

  /** Writes tokens where the tables are of this version. Newer ones it marks: who knows them makes them anew. */
  function write(what: "add" | "delete", seq: number, tokens: () => Uint8Array): void {
    const { version: theirs, number } = stored();
    if (theirs > version) store(0, number);
    if (theirs !== version) return;
    written++;
    if (seq % rowsPerMerge === 0) owed += rowsPerMerge * pagesPerRow;
    const table = indexName(number);
    const [column, value] = what === "delete" ? [`${table}, `, "'delete', "] : ["", ""];
    db.query(`insert into ${table} (${column}rowid, tokens) values (${value}?, cast(? as text))`).run(seq, tokens());
  }

  return {
    /** Puts an observation in; `tokens` are those of it that `tokensOf` gives, where someone has made them already. */
    add: (seq: number, observation: Observation, tokens?: Uint8Array): void =>
      write("add", seq, () => tokens ?? tokensOf(observation)),

    /** Takes an observation out. It must be the one that was added. */
    remove: (seq: number, observation: Observation): void => write("delete", seq, () => tokensOf(observation)),

    /** Makes the tables anew, without any content. */
    clear(): void {
      const { number } = stored();
      db.run(`drop table if exists ${tokenName(number)}`);
      db.run(`drop table if exists ${indexName(number)}`);
      db.run(tables(number));
      for (const [setting, value] of Object.entries(settings)) command(setting, value);
      store(version, number);
    },

    /** Leaves the tables alone for good and begins with others: what is damaged may not even be dropped. */
    abandon(): void {
      store(0, stored().number + 1);
    },

    /** Merges all that was added and removed, so that no token is left of what was removed. */
    optimize(): void {
      command("optimize");
      written = owed = 0;
      state.delete(deferredKey);
    },

    /** Ends the writing of a transaction: merges as much as follows from what it wrote. */
    mergeWritten(): void {
      if (owed > 0) merge(Math.min(mostPages, owed));
      written = owed = 0;
    },

    /** Ends the writing of one of many transactions, after which comes `settle`: searches are slower until then. */
    deferMerging(): void {
      if (written === 0) return;
      const deferred = Number(state.get(deferredKey) ?? 0) + 1;
      state.set(deferredKey, String(deferred));
      if (deferred > mostDeferred) merge(mostPages);
      written = owed = 0;
    },

    /** Merges some of what is to be merged, in a transaction; false where nothing is left. */
    settle(): boolean {
      if (merge(stepPages)) return true;
      state.delete(deferredKey);
      return false;
    },

    /** Throws SQLITE_CORRUPT_VTAB where the tables contradict themselves. */
    check: () => command("integrity-check"),

    /** The tables are missing, or of an older build. */
    isOutdated: (): boolean => stored().version < version,

    /** The tables can be searched. */
    isCurrent: (): boolean => stored().version === version,

    /** A look into the tables, for as long as they stay as they are: in one transaction. */
    look(): Look {
      const { number } = stored();
      return look(indexName(number), tokenName(number));
    },
  };
}

/** The columns that a search can be narrowed by inside of the index. */
const scopeColumns = ["project", "session_id", "agent_family", "client_id", "pc_id", "memory_type"] as const;
export type ScopeColumn = (typeof scopeColumns)[number];

/** The tokens by which an observation is found, as UTF-8. */
export function tokensOf(observation: Observation): Uint8Array {
  const scope = scopeColumns.map((column, i) => scopeToken(String(i), observation[column]));
  return indexTokens(observation, scope);
}

/** An expression for the observations with a value in a column. */
export function inScope(column: ScopeColumn, value: string): string {
  return quoted(scopeToken(String(scopeColumns.indexOf(column)), value));
}

/** True for what SQLite throws where search tables are damaged or gone; also where it is another part of the file. */
export function isDamage(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "SQLITE_CORRUPT_VTAB" || code === "SQLITE_CORRUPT") return true;
  return /no such (?:fts5 )?table: .*search_|vtable constructor failed: search_|invalid fts5|error creating shadow table/.test(
    String(message),
  );
}
