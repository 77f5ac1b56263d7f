import { Database } from "bun:sqlite";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { storeFailure } from "./failure.ts";
import { migrate, schemaOf, schemaVersion } from "./migrate.ts";
import { patiently, type Patience } from "./patience.ts";

/** Milliseconds that a reader waits by itself. Readers meet a lock only while another process opens, recovers or leaves. */
export const readTimeout = 5_000;

/** Bytes to which the write-ahead log is cut back when it begins anew: as much as SQLite lets gather before that. */
const journalLimit = 4 * 1024 * 1024;

/**
 * Opens a database, creates it where there is none, and brings it to this build's schema; `rebuild` then makes its
 * projections anew. Throws UserError `unavailable` or `corrupt`.
 */
export function openDatabase(path: string, patience: Patience, rebuild: (db: Database) => void): Database {
  try {
    if (path !== ":memory:") createPrivateFile(path);
    const db = new Database(path, { create: true, strict: true });
    try {
      db.run(`pragma busy_timeout = ${readTimeout}`); // first: switching to WAL already needs the lock
      patiently(() => prepare(db, () => rebuild(db)), patience);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw storeFailure(error, path);
  }
}

function prepare(db: Database, rebuild: () => void): void {
  const version = schemaOf(db);
  db.run("pragma journal_mode = wal");
  db.run("pragma synchronous = full"); // what a save has acknowledged survives a power cut
  db.run("pragma fullfsync = on"); // macOS: else fsync leaves it in the drive's cache
  db.run(`pragma journal_size_limit = ${journalLimit}`);
  db.run("pragma cache_size = -8000"); // 8 MB: one search looks at pages all over the file
  if (version !== schemaVersion) migrate(db, rebuild);
}

/**
 * Makes a database's file, readable for its owner alone (SQLite would make it readable for all; the files beside it get the same
 * mode). One that exists must not be opened here: closing it would drop the locks that this process holds on it.
 */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  for (const directory of [dirname(path), dirname(dirname(path))]) flushDirectory(directory);
}

/** Puts a directory's entries on disk: SQLite flushes what is in its file, not that the file is there. */
export function flushDirectory(directory: string): void {
  if (process.platform === "win32") return; // it cannot be done there
  try {
    const file = openSync(directory, "r");
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    // We may write where we may not read, and some file systems flush no directory; the file is made all the same.
    if (!/^(EACCES|EPERM|EINVAL|ENOTSUP)$/.test((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
