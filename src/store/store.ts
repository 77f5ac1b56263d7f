import { Database } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import { parseObject } from "../core/json.ts";
import { digestOf, timeFields, type Record, type RecordKind } from "../core/record.ts";
import { parseTime } from "../core/time.ts";
import { storeFailure } from "./failure.ts";
import { openLog, type Outcome } from "./log.ts";
import { migrate } from "./migrate.ts";
import { openProjection } from "./projection.ts";
import { openReader } from "./reader.ts";
import { openSearchIndex } from "./search-index.ts";
import { openUpkeep } from "./upkeep.ts";

export type Store = ReturnType<typeof openStore>;

/**
 * Opens (and creates, and migrates) a database. `now` is this host's clock (canonical time), in which the log notes
 * when it learned of a record. Throws UserError `unavailable` (disk, permission, lock) or `corrupt`; what the methods
 * throw, `storeFailure` translates.
 */
export function openStore(path: string, now: () => string) {
  const db = open(path);
  const index = openSearchIndex(db);
  const log = openLog(db, openProjection(db, index));

  return {
    ...openReader(db, index),
    ...openUpkeep(db),

    /** Adds records in one transaction, durable when this returns. Says what became of each. */
    append(records: readonly Record[]): Outcome[] {
      return db.transaction(() => records.map((record) => log.append(record, now()))).immediate();
    },

    /** One record of the log. */
    record: (kind: RecordKind, id: string) => log.get(kind, id),

    close: () => db.close(),
  };
}

function open(path: string): Database {
  try {
    if (path !== ":memory:") closeSync(openSync(path, "a", 0o600)); // SQLite would make it readable for all
    const db = new Database(path, { create: true, strict: true });
    db.run("pragma busy_timeout = 5000"); // first: switching to WAL already needs the lock
    db.run("pragma journal_mode = wal");
    db.run("pragma synchronous = full"); // what a save has acknowledged survives a power cut
    migrate(db);
    return db;
  } catch (error) {
    throw storeFailure(error, path);
  }
}

/** The record that a payload makes: digest and time follow from its bytes. */
export function recordOf(kind: RecordKind, id: string, payload: string): Record {
  const at = parseTime(String(parseObject(payload)?.[timeFields[kind]] ?? "")) ?? "";
  return { kind, id, digest: digestOf(payload), at, payload };
}
