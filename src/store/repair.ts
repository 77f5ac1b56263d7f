import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { storeFailure } from "./failure.ts";
import { openLog, readSum } from "./log.ts";
import { schemaVersion } from "./migrate.ts";
import { flushDirectory, openDatabase } from "./open.ts";
import { openFiles, readRows, type Files, type Row } from "./pages.ts";
import { isBusy, usualPatience } from "./patience.ts";
import { openProjection } from "./projection.ts";
import { unpurged } from "./purge.ts";
import { salvage, type Salvaged } from "./salvage.ts";
import { deferredKey, openSearchIndex } from "./search-index.ts";
import { openState } from "./state.ts";
import { openWriter } from "./writer.ts";

/** What a repair brought over, and what it left. */
export interface Repair {
  /** Records in the new database; of these, observations with content. */
  records: number;
  observations: number;
  /** How many records the damaged one had by its own count; undefined where that cannot be read. */
  expected: number | undefined;
  /** Records whose payload is not what was saved. They are not in the new database, but in `doubtfulPath`. */
  doubtful: number;
  doubtfulPath: string | undefined;
  /** False where the notes of this host alone (what an import hid) could not be read. */
  notes: boolean;
  /** Where the damaged database is now. */
  keptPath: string;
}

/** What only this host knows, as far as it can be asked for. */
interface Notes {
  hidden: { id: string; hidden_at: string }[];
  state: Map<string, string>;
}

/** State that follows from the records, and is made with them. */
const ownKeys = new Set(["set", unpurged, "search_index", deferredKey]);

/**
 * Saves what can be read of a damaged database into a new one that takes its place, and keeps the damaged one beside it.
 * Nobody else may have it open. `now` is the time of the repair (canonical), part of the kept file's name. Throws
 * UserError: `unavailable` where another process uses it or the disk refuses, `corrupt` where its schema is newer.
 */
export function repair(path: string, now: string): Repair {
  const keptPath = freeName(`${path}.damaged-${now.replaceAll(/[-:]|\.\d+/g, "")}`);
  const draft = draftOf(path);
  try {
    keepJournal(path, keptPath);
    const { counts, notes, doubtful } = rewrite(path, draft, now);
    const doubtfulPath = writeDoubtful(keptPath, doubtful);
    takePlace(draft, path, keptPath);
    const expected = notes && readSum(notes.state).count;
    return { ...counts, expected, doubtful: doubtful.length, doubtfulPath, notes: notes !== undefined, keptPath };
  } catch (error) {
    if (!existsSync(keptPath)) rmSync(`${keptPath}-wal`, { force: true });
    throw storeFailure(error, path);
  }
}

/** Whether a repair was killed before its end: then its draft may hold what the database has lost. */
export function wasCutShort(path: string): boolean {
  return existsSync(draftOf(path));
}

function draftOf(path: string): string {
  return `${path}.repaired`;
}

/** Writes what can be read of a database into another, while nobody else has it open. */
function rewrite(path: string, draft: string, now: string) {
  const holder = holdAlone(path);
  const files = openFiles(path);
  try {
    const notes = notesOf(holder);
    const { records, doubtful } = salvage(rowsOf(files, draft));
    if (records.length === 0) {
      throw new UserError("corrupt", `no record can be read from ${path}`, {
        hint: "move the file away, and the next save makes a new one; nothing was changed",
      });
    }
    removeDatabase(draft);
    return { counts: build(draft, records, notes, now), notes, doubtful };
  } finally {
    holder.close();
    files.close();
  }
}

/**
 * Every row there is, also those of a repair that was cut short: when it had removed the write-ahead log and not yet put its
 * draft in place, what was saved last is there alone.
 */
function* rowsOf(files: Files, draft: string): Generator<Row, void> {
  yield* readRows(files);
  if (!existsSync(draft)) return;
  const drafted = openFiles(draft);
  try {
    yield* readRows(drafted);
  } finally {
    drafted.close();
  }
}

function freeName(name: string): string {
  for (let i = 1; ; i++) {
    const free = i === 1 ? name : `${name}-${i}`;
    if (!existsSync(free)) return free;
  }
}

/** SQLite deletes a write-ahead log of which it believes nothing, as soon as it has opened the database. */
function keepJournal(path: string, kept: string): void {
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${kept}-wal`);
}

/**
 * Puts the new database in the place of the damaged one. It must not meet the old write-ahead log, which SQLite would
 * replay into it, so that goes first; whatever cuts this short, the kept file and its log are whole.
 */
function takePlace(draft: string, path: string, kept: string): void {
  linkSync(path, kept);
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  renameSync(draft, path);
  flushDirectory(dirname(path));
}

/** Opens the damaged database so that nobody else can, as far as its first page allows. */
function holdAlone(path: string): Database {
  const db = new Database(path, { readwrite: true, create: false });
  try {
    db.run(`pragma busy_timeout = ${patience}`);
    db.run("pragma locking_mode = exclusive");
    if (!isNewer(db)) return db;
  } catch (error) {
    if (!isBusy(error)) return db; // damaged, which is why we are here
    db.close();
    throw new UserError("unavailable", `another process uses the database: ${path}`, {
      hint: "end the agents and commands that use it, then repair again",
      cause: error,
    });
  }
  db.close();
  throw new UserError("corrupt", `the database is of a newer schema: ${path}`, {
    hint: "install a newer release of kioku-mesh; nothing was changed",
  });
}

/** A schema that some release may have. Far beyond, the number itself is damaged. */
function isNewer(db: Database): boolean {
  const { user_version } = db.query<{ user_version: number }, []>("pragma user_version").get()!;
  return user_version > schemaVersion && user_version < 1_000;
}

/** Milliseconds for a passing command to leave. An agent's server stays, and is then said to be in the way. */
const patience = 2_000;

function notesOf(db: Database): Notes | undefined {
  try {
    const state = db.query<{ key: string; value: string }, []>("select key, value from state").all();
    return {
      state: new Map(state.map(({ key, value }) => [key, value])),
      hidden: db.query<Notes["hidden"][number], []>("select id, hidden_at from hidden").all(),
    };
  } catch {
    return undefined; // damaged as well, and told by the result
  }
}

/** Makes the new database; gives what it holds. */
function build(path: string, records: readonly Salvaged[], notes: Notes | undefined, now: string) {
  const db = openDatabase(path, { patience: usualPatience, brief: false }, () => {});
  try {
    const state = openState(db);
    const index = openSearchIndex(db);
    const projection = openProjection(db, index);
    const log = openLog(db, projection, state);
    const write = openWriter(db, path, usualPatience);
    const taken = new Set<number>();
    write(() => {
      projection.rebuild(); // makes the search tables
      for (const [key, value] of notes?.state ?? []) if (!ownKeys.has(key)) state.set(key, value);
      for (const { id, hidden_at } of notes?.hidden ?? []) projection.hide(id, hidden_at);
    });
    for (let from = 0; from < records.length; from += 1_000) {
      write(() => {
        for (const { seq, learned_at, received, ...record } of records.slice(from, from + 1_000)) {
          const free = seq > 0 && seq < 2 ** 40 && !taken.has(seq);
          const [merged] = log.append([record], { learned_at: learned_at || now, received, ...(free && { seq }) });
          taken.add(merged!.seq);
        }
        index.mergeWritten();
      });
    }
    return db
      .query<{ records: number; observations: number }, []>(
        `select (select count(*) from record) as records,
           (select count(*) from record where kind = 'observation' and payload is not null) as observations`,
      )
      .get()!;
  } finally {
    db.close();
  }
}

/** Writes down what no digest proves, for a person to read; gives where. */
function writeDoubtful(kept: string, doubtful: readonly Salvaged[]): string | undefined {
  if (doubtful.length === 0) return undefined;
  const lines = doubtful.map(({ kind, id, payload }) => `${JSON.stringify({ kind, id, payload })}\n`);
  writeFileSync(`${kept}.doubtful.jsonl`, lines.join(""), { mode: 0o600 });
  return `${kept}.doubtful.jsonl`;
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}
