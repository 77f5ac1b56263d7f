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

/** How a database is opened. */
export interface Opening {
  patience: Patience;
  /** For a moment, to read: then a full disk can be met by keeping all others out meanwhile. */
  brief: boolean;
}

/**
 * Opens a database, creates it where there is none, and brings it to this build's schema; `rebuild` then makes its
 * projections anew. Throws UserError `unavailable` or `corrupt`.
 */
export function openDatabase(path: string, { patience, brief }: Opening, rebuild: (db: Database) => void): Database {
  try {
    if (path !== ":memory:") createPrivateFile(path);
    return patiently(() => {
      try {
        return connect(path, "shared", rebuild);
      } catch (error) {
        if (!brief || !lacksSharedIndex(error)) throw error;
        return connect(path, "alone", rebuild); // busy where others are in, and then `shared` may do: both are tried again
      }
    }, patience);
  } catch (error) {
    throw storeFailure(error, path);
  }
}

/**
 * True where the disk has no room for the file in which processes share the index of the write-ahead log. SQLite keeps it
 * in memory instead for who locks all others out before the first read (https://sqlite.org/wal.html#noshm).
 */
function lacksSharedIndex(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "SQLITE_IOERR_SHMSIZE";
}

function connect(path: string, mode: "shared" | "alone", rebuild: (db: Database) => void): Database {
  const db = new Database(path, { create: true, strict: true });
  try {
    const timeout = mode === "shared" ? readTimeout : 0;
    db.run(`pragma busy_timeout = ${timeout}`); // first: switching to WAL already needs the lock
    if (mode === "alone") db.run("pragma locking_mode = exclusive");
    prepare(db, () => rebuild(db));
    return db;
  } catch (error) {
    db.close();
    throw error;
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
