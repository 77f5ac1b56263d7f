import type { Database } from "bun:sqlite";
import { UserError } from "../core/errors.ts";
import log from "./migrations/0001_log.sql" with { type: "text" };

/** Append only. A shipped migration is never edited; its place in the list is its version. */
const migrations = [log];

/** The schema of this build. */
export const schemaVersion = migrations.length;

/**
 * The schema of a database; 0 where it is new. Throws UserError `corrupt` where it is newer than this build, or someone
 * else's.
 */
export function schemaOf(db: Database, known = schemaVersion): number {
  const version = db.query<{ user_version: number }, []>("pragma user_version").get()!.user_version;
  if (version === 0 && isForeign(db)) {
    throw new UserError("corrupt", "the database is not one of ours", {
      hint: "move the file away; nothing was changed",
    });
  }
  if (version <= known) return version;
  throw new UserError("corrupt", `the database has schema ${version}, this build knows ${known}`, {
    hint: "install a newer release of kioku-mesh; nothing was changed",
  });
}

/** Tables, but no version. Both are read in one statement: another process may be making them. */
function isForeign(db: Database): boolean {
  return (
    db
      .query("select 1 from pragma_user_version where user_version = 0 and exists (select 1 from sqlite_schema)")
      .get() !== null
  );
}

/**
 * Brings a database to the schema of this build, in one transaction. Its projections are made anew, so a change in how
 * they are made ships as a migration too, if only as a comment (search tables have a version of their own besides).
 */
export function migrate(db: Database, rebuild: () => void, steps: readonly string[] = migrations): void {
  db.transaction(() => {
    const from = schemaOf(db, steps.length); // again, now that we hold the write lock
    if (from === steps.length) return;
    for (const sql of steps.slice(from)) db.run(sql);
    db.run(`pragma user_version = ${steps.length}`);
    rebuild();
  }).immediate();
}
