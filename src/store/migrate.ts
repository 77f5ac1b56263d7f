import type { Database } from "bun:sqlite";
import { UserError } from "../core/errors.ts";
import log from "./migrations/0001_log.sql" with { type: "text" };

/** Append only. A shipped migration is never edited; its place in the list is its version. */
const migrations = [log];

/** The schema of this build. */
export const schemaVersion = migrations.length;

/** The schema of a database; 0 where it is new. Throws UserError `corrupt` where it is newer than this build. */
export function schemaOf(db: Database): number {
  const version = db.query<{ user_version: number }, []>("pragma user_version").get()!.user_version;
  if (version <= schemaVersion) return version;
  throw new UserError("corrupt", `the database has schema ${version}, this build knows ${schemaVersion}`, {
    hint: "install a newer release of kioku-mesh; nothing was changed",
  });
}

/**
 * Brings a database to the schema of this build, in one transaction. Its projections are made anew, so a change in how
 * they are made ships as a migration too, if only as a comment (search tables have a version of their own besides).
 */
export function migrate(db: Database, rebuild: () => void): void {
  db.transaction(() => {
    const from = schemaOf(db); // again, now that we hold the write lock
    if (from === schemaVersion) return;
    if (from === 0 && db.query("select 1 from sqlite_schema limit 1").get()) {
      throw new UserError("corrupt", "the database is not one of ours", {
        hint: "move the file away; nothing was changed",
      });
    }
    for (const sql of migrations.slice(from)) db.run(sql);
    db.run(`pragma user_version = ${schemaVersion}`);
    rebuild();
  }).immediate();
}
