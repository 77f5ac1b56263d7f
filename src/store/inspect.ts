import { Database } from "bun:sqlite";
import { storeFailure } from "./failure.ts";
import { openLog } from "./log.ts";
import { schemaVersion } from "./migrate.ts";
import { readTimeout } from "./open.ts";
import { openProjection } from "./projection.ts";
import { unpurged } from "./purge.ts";
import { openSearchIndex } from "./search-index.ts";
import { openState } from "./state.ts";

/** What an inspection finds of a database file. */
export interface Inspection {
  /** Its schema, and the newest that this build knows. */
  schema: number;
  known: number;
  /** What SQLite finds wrong with it; empty where it is sound. */
  problems: string[];
  /** When this host last learned of a record (canonical time), "" where it knows none. */
  learned_at: string;
  /** Records that are kept but cannot be read: malformed, or of a kind that a newer release made. */
  unreadable: number;
  /** Ids of records whose payload is not what was saved: their digest says so. */
  doubtful: string[];
  /** How many observations are shown otherwise than the log has them; making the projections anew mends it. */
  astray: number;
  /** The log's own count and sum are those of its records. */
  counted: boolean;
  /** The bytes of erased content are out of the files. */
  purged: boolean;
}

/** True where the log itself has suffered. What only follows from it, search tables too, can be made anew from it. */
export function isDamaged({ problems, doubtful, counted }: Inspection): boolean {
  return doubtful.length > 0 || !counted || problems.some((problem) => !/\bFTS5 table\b/.test(problem));
}

/** The release of SQLite in this build, or of the system where that is the one in use (macOS). */
export function sqliteVersion(): string {
  const db = new Database(":memory:");
  const { version } = db.query<{ version: string }, []>("select sqlite_version() as version").get()!;
  db.close();
  return version;
}

/**
 * Looks at a database without bringing it to this build's schema. Reads all of it: about 5 s for 100,000 memories. Not
 * read-only: SQLite would leave its side files behind. Throws UserError where it cannot be opened or is none.
 */
export function inspect(path: string): Inspection {
  try {
    const db = new Database(path, { readwrite: true, create: false });
    try {
      db.run(`pragma busy_timeout = ${readTimeout}`);
      db.run("pragma query_only = on");
      const schema = db.query<{ user_version: number }, []>("pragma user_version").get()!.user_version;
      const found = { ...nothing, schema, known: schemaVersion, problems: problemsOf(db) };
      return schema === schemaVersion ? { ...found, ...findings(db, found.problems) } : found;
    } finally {
      db.close();
    }
  } catch (error) {
    throw storeFailure(error, path);
  }
}

const nothing = { learned_at: "", unreadable: 0, doubtful: [], astray: 0, counted: true, purged: true };

function findings(db: Database, problems: string[]): Partial<Inspection> {
  const state = openState(db);
  const projection = openProjection(db, openSearchIndex(db));
  const log = openLog(db, projection, state);
  try {
    const newest = "select learned_at from record order by seq desc limit 1";
    const { unknown, unreadable } = log.unread();
    return {
      learned_at: db.query<{ learned_at: string }, []>(newest).get()?.learned_at ?? "",
      unreadable: unknown + unreadable,
      ...log.verify(),
      astray: projection.astray(),
      purged: state.get(unpurged) === undefined,
    };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "SQLITE_CORRUPT") throw error;
    return { problems: problems.length ? problems : [String(error)] };
  }
}

function problemsOf(db: Database): string[] {
  try {
    const rows = db.query<{ integrity_check: string }, []>("pragma integrity_check(5)").all();
    return rows.map((row) => row.integrity_check).filter((line) => line !== "ok");
  } catch (error) {
    if ((error as { code?: unknown }).code !== "SQLITE_CORRUPT") throw error;
    return [String((error as Error).message)];
  }
}
