import type { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { foreignFailure } from "./failure.ts";
import { openForeign } from "./open.ts";
import type { ForeignRow } from "./rows.ts";
import { formats, type Format } from "./tables.ts";
import { textRows } from "./text.ts";

/** Something that memories can be imported from. */
export interface Source {
  path: string;
  /** What it is, in words. */
  name: string;
  /** How much there is to read, and how much of it has been read: rows of a database, bytes of a text. */
  size: number | undefined;
  done(): number;
  /** Throws UserError where it is damaged; what came before that is sound. */
  rows(): Iterable<ForeignRow> | AsyncIterable<ForeignRow>;
  /** The rows that were hidden on that host alone, which come last: elsewhere they may be seen. */
  hidden(): Iterable<ForeignRow>;
  close(): void;
}

/** Where the versions of the Python program, and this one, keep databases below a state directory; what follows from others last. */
const places = ["memory.db", "local/raw.db", "raw.db", "pending_puts.db", "local/index.db", "index.db"];

/** The databases below a directory, none where there is no such directory. */
export function databasesIn(directory: string): string[] {
  return places.map((place) => join(directory, place)).filter((path) => existsSync(path));
}

/** Opens a file to import from. Throws UserError where it is none. */
export function openSource(path: string): Source {
  try {
    const file = statSync(path);
    if (!file.isFile()) throw new UserError("usage", "it is no regular file");
    return isDatabase(path) ? openTables(path) : openText(path, Bun.file(path).stream(), file.size);
  } catch (error) {
    throw foreignFailure(error, path);
  }
}

/** A text to import from, such as standard input. */
export function openText(path: string, stream: AsyncIterable<Uint8Array>, size?: number): Source {
  let done = 0;

  async function* counted(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of stream) {
      done += chunk.length;
      yield chunk;
    }
  }

  async function* rows(): AsyncGenerator<ForeignRow, void> {
    try {
      yield* textRows(counted());
    } catch (error) {
      throw foreignFailure(error, path);
    }
  }

  return { path, name: "JSON Lines", size, done: () => done, rows, hidden: () => [], close: () => {} };
}

/** Whether two paths lead to one file. */
export function isSameFile(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b);
}

function openTables(path: string): Source {
  const { db, close } = openForeign(path);
  let done = 0;

  function* reading(rows: Iterable<ForeignRow>): Generator<ForeignRow, void> {
    try {
      for (const row of rows) {
        done++;
        yield row;
      }
    } catch (error) {
      throw foreignFailure(error, path);
    }
  }

  try {
    const format = formatOf(db);
    const version = format.version(db);
    return {
      path,
      name: version > 0 ? `${format.name}, schema ${version}` : format.name,
      size: sizeOf(db, format),
      done: () => done,
      rows: () => reading(format.rows(db)),
      hidden: () => reading(format.hidden?.(db) ?? []),
      close,
    };
  } catch (error) {
    close();
    throw foreignFailure(error, path);
  }
}

/** Undefined where it is damaged: rows can come all the same. */
function sizeOf(db: Database, format: Format): number | undefined {
  try {
    return format.count(db);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
  }
}

function formatOf(db: Database): Format {
  const names = db.query<{ name: string }, []>("select name from sqlite_schema where type = 'table'").all(); // a view would run what its author wrote
  const format = formats.find(({ table }) => names.some(({ name }) => name === table));
  if (format) return format;
  throw new UserError("usage", "it is a database of another program", {
    hint: "memories are in local/raw.db, local/index.db, index.db and pending_puts.db",
  });
}

function isDamage(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith("SQLITE_CORRUPT");
}

function isDatabase(path: string): boolean {
  const magic = Buffer.alloc(16);
  const file = openSync(path, "r");
  try {
    readSync(file, magic, 0, magic.length, 0);
  } finally {
    closeSync(file);
  }
  return magic.equals(Buffer.from("SQLite format 3\0"));
}
