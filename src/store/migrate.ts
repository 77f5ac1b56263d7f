import type { Database } from "bun:sqlite";
import { UserError } from "../core/errors.ts";
import log from "./migrations/0001_log.sql" with { type: "text" };

/** Append only. A shipped migration is never edited; its place in the list is its version. */
const migrations = [log];

/** The schema of this build. */
export const schemaVersion = migrations.length;

/** Brings a database to the schema of this build, in one transaction. A newer schema is refused. */
export function migrate(db: Database): void {
  if (versionOf(db) === migrations.length) return;
  db.transaction(() => {
    const from = versionOf(db); // again, now that we hold the write lock
    if (from > migrations.length) {
      throw new UserError("corrupt", `the database has schema ${from}, this build knows ${migrations.length}`, {
        hint: "install a newer release of kioku-mesh; nothing was changed",
      });
    }
    for (const sql of migrations.slice(from)) db.run(sql);
    db.run(`pragma user_version = ${migrations.length}`);
  }).immediate();
}

function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>("pragma user_version").get()!.user_version;
}
