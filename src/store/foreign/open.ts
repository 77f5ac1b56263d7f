import { constants as sqlite, Database } from "bun:sqlite";
import { chmodSync, constants, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { foreignFailure } from "./failure.ts";

/** A database that another program may have open, to be read only. */
export interface ForeignDatabase {
  db: Database;
  close(): void;
}

/** Milliseconds to wait where another program is opening or leaving the database. */
const readTimeout = 5_000;

/** How often to begin anew because the database changed while it was copied. */
const mostTries = 5;

/** The files that make up a database: what was written last may still be in a log. */
const suffixes = ["", "-wal", "-journal"] as const;

/**
 * Opens a database of another program in the state it is in now. Never changes it, nor leaves anything beside it, which
 * SQLite does even to read; hence two ways. Where a program has it open, or died with it, the index of the write-ahead
 * log is there (`-shm`): we join as one more reader. Else a copy is read, made while nothing changed.
 *
 * Throws UserError `notFound`, `unavailable` or `corrupt`.
 */
export function openForeign(path: string): ForeignDatabase {
  try {
    for (let tries = 0; tries < mostTries; tries++) {
      const opened = (existsSync(`${path}-shm`) && joined(path)) || copied(path);
      if (opened) return opened;
    }
    throw Object.assign(new Error("it keeps changing"), { code: "SQLITE_BUSY" });
  } catch (error) {
    throw foreignFailure(error, path);
  }
}

/** Undefined where something keeps us from joining, such as a directory that is not ours: a copy needs no locks. */
function joined(path: string): ForeignDatabase | undefined {
  try {
    const uri = `${pathToFileURL(path).href}?mode=ro`;
    return ready(new Database(uri, sqlite.SQLITE_OPEN_READONLY | sqlite.SQLITE_OPEN_URI), () => {});
  } catch {
    return undefined;
  }
}

/** Undefined where the database changed meanwhile. */
function copied(path: string): ForeignDatabase | undefined {
  const before = stateOf(path);
  const directory = mkdtempSync(join(tmpdir(), "kioku-import-")); // 0700
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const copy = join(directory, basename(path));
    for (const { suffix } of before) {
      copyFileSync(path + suffix, copy + suffix, constants.COPYFILE_FICLONE);
      chmodSync(copy + suffix, 0o600); // SQLite may have to write what was read-only: a log is taken in first
    }
    const isWhole = Bun.deepEquals(stateOf(path), before);
    const opened = isWhole ? ready(new Database(copy, { readwrite: true, create: false }), remove) : undefined;
    // Where a removed file stays until it is closed, nothing is left of it even if we are killed. macOS would complain.
    if (!opened || process.platform === "linux") remove();
    return opened;
  } catch (error) {
    remove();
    throw error;
  }
}

/** What differs when any part of a database was written to. */
function stateOf(path: string) {
  return suffixes.flatMap((suffix) => {
    if (suffix !== "" && !existsSync(path + suffix)) return [];
    const file = statSync(path + suffix, { bigint: true });
    if (!file.isFile()) return []; // a pipe would hold us for ever
    return [{ suffix, ino: file.ino, size: file.size, mtimeNs: file.mtimeNs }];
  });
}

/** All reads are of one state, whatever the program writes meanwhile. */
function ready(db: Database, remove: () => void): ForeignDatabase {
  try {
    db.run(`pragma busy_timeout = ${readTimeout}`);
    db.run("pragma query_only = on");
    db.run("pragma trusted_schema = off"); // it may be a stranger's, made to have side effects
    db.run("begin");
    db.query("select count(*) from sqlite_schema").get();
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    db,
    close(): void {
      db.close();
      remove();
    },
  };
}
