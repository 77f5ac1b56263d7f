import { Database } from "bun:sqlite";
import { schemaVersion } from "./migrate.ts";
import { storeFailure } from "./failure.ts";

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
}

/** The release of SQLite in this build, or of the system where that is the one in use (macOS). */
export function sqliteVersion(): string {
  const db = new Database(":memory:");
  const { version } = db.query<{ version: string }, []>("select sqlite_version() as version").get()!;
  db.close();
  return version;
}

/**
 * Looks at a database without bringing it to this build's schema. Not read-only: SQLite would leave its side files
 * behind. Throws UserError where it cannot be opened or is none.
 */
export function inspect(path: string): Inspection {
  try {
    const db = new Database(path, { readwrite: true, create: false });
    try {
      db.run("pragma busy_timeout = 5000");
      db.run("pragma query_only = on");
      return { ...findings(db), problems: problemsOf(db) };
    } finally {
      db.close();
    }
  } catch (error) {
    throw storeFailure(error, path);
  }
}

function findings(db: Database) {
  const schema = db.query<{ user_version: number }, []>("pragma user_version").get()!.user_version;
  if (schema === 0 || schema > schemaVersion) return { schema, known: schemaVersion, learned_at: "", unreadable: 0 };
  const { learned_at, unreadable } = db
    .query<{ learned_at: string | null; unreadable: number }, []>(
      `select (select learned_at from record order by seq desc limit 1) as learned_at,
         (select count(*) from record r where payload is not null and (kind not in ('observation', 'tombstone', 'erasure')
           or kind = 'observation' and not exists (select 1 from observation o where o.id = r.id))) as unreadable`,
    )
    .get()!;
  return { schema, known: schemaVersion, learned_at: learned_at ?? "", unreadable };
}

function problemsOf(db: Database): string[] {
  const rows = db.query<{ quick_check: string }, []>("pragma quick_check(5)").all();
  return rows.map((row) => row.quick_check).filter((line) => line !== "ok");
}
