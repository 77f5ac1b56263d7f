import type { Database } from "bun:sqlite";
import { fingerprintOf } from "../core/fingerprint.ts";
import { parseObject } from "../core/json.ts";
import { digestOf, timeFields, type Record, type RecordKind } from "../core/record.ts";
import { parseTime } from "../core/time.ts";
import { openAdoption, type Adopted, type Prepared } from "./adopt.ts";
import { exportPages } from "./export.ts";
import { openLog, readSum, type Merged, type Outcome } from "./log.ts";
import { noted } from "./noted.ts";
import { openDatabase, type Opening } from "./open.ts";
import { usualPatience } from "./patience.ts";
import { openProjection } from "./projection.ts";
import { openPurge } from "./purge.ts";
import { openReader } from "./reader.ts";
import { openSearch, type SearchResult } from "./search.ts";
import { isDamage, openSearchIndex } from "./search-index.ts";
import { openUpkeep } from "./upkeep.ts";
import { openState } from "./state.ts";
import type { Tokens } from "./token-thread.ts";
import { openWriter } from "./writer.ts";

export type Store = ReturnType<typeof openStore>;

/**
 * Opens (and creates, and migrates) a database. `now` is this host's clock (canonical time), in which the log notes
 * when it learned of a record. Throws UserError `unavailable` (disk, permission, lock) or `corrupt`; what the methods
 * throw, `storeFailure` translates.
 */
export function openStore(
  path: string,
  now: () => string,
  { patience = usualPatience, brief = false }: Partial<Opening> = {},
) {
  const db = openDatabase(path, { patience, brief }, (opened) => void projectionOf(opened).rebuild());
  const index = openSearchIndex(db);
  const projection = openProjection(db, index);
  const state = openState(db);
  const log = openLog(db, projection, state);
  const reader = openReader(db);
  const search = openSearch(db, index);
  const transact = openWriter(db, path, patience);

  /** Damaged search tables are made anew from the log, and what met the damage is done again. */
  function healing<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isDamage(error)) throw error;
      heal();
      return work();
    }
  }

  function heal(): void {
    try {
      transact(projection.rebuild);
    } catch (error) {
      if (!isDamage(error)) throw error;
      transact(() => {
        index.abandon();
        projection.rebuild();
      });
    }
  }

  /** Makes search tables of an older build anew: at the start, and when another process has met them meanwhile. */
  function update(): void {
    if (index.isOutdated()) transact(() => void (index.isOutdated() && projection.rebuild()));
  }
  update();

  function write<T>(work: () => T, endWriting = index.mergeWritten): T {
    const whole = () => {
      const result = work();
      endWriting();
      return result;
    };
    return healing(() => transact(whole));
  }

  const { prepare, ready, adopt, foresee } = openAdoption(log, (work) => write(work, index.deferMerging));

  function add(records: readonly Record[], received: boolean, endWriting?: () => void, tokens?: Tokens): Merged[] {
    const made = ready(records, tokens); // what another process writes meanwhile, the log sees: it takes these or leaves them
    return write(() => {
      const learned_at = now();
      return log.append(records, (i) => ({ learned_at, received, ready: made[i] }));
    }, endWriting);
  }

  return {
    ...reader,
    ...openUpkeep(db),
    search(...question: Parameters<typeof search>): SearchResult {
      update();
      return healing(() => search(...question));
    },

    /** Adds records of this host (saved, deleted, imported) in one transaction, durable when this returns. */
    append: (records: readonly Record[]): Outcome[] => add(records, false).map(({ outcome }) => outcome),

    /**
     * Adds records that came from the mesh, in one transaction, durable when this returns. Where they are `many`, `settle`
     * what was written once no more come. `tokens` are what a second thread has made of them.
     */
    merge: (records: readonly Record[], many = false, tokens?: Tokens): Merged[] =>
      add(records, true, many ? index.deferMerging : index.mergeWritten, tokens),

    /** Makes of records that were kept elsewhere what can be made without a lock. */
    prepare,

    /** Takes them in, in one transaction, durable when this returns. After many of these, `settle` what they wrote. */
    adopt: (prepared: Prepared): Adopted[] => adopt(prepared, now()),

    /** Makes searches fast after much was taken in, in one short transaction; false where nothing is left to be done. */
    settle: (): boolean => healing(() => transact(index.settle)),

    /** Foretells, batch after batch, what `adopt` would do. */
    foresee,

    /** All records, page by page, oldest first; of a project, those whose observation is known to belong to it. */
    exportPages: (project?: string) => exportPages(db, project),

    /** One record of the log. */
    record: (kind: RecordKind, id: string) => log.get(kind, id),

    /** The log as replication reads it. */
    log: {
      find: log.get,
      rows: log.rows,
      records: log.records,
    },

    /** How many records there are, and 32 hex digits that are equal for equal sets. */
    fingerprint() {
      const sum = readSum(state);
      return { count: sum.count, fingerprint: fingerprintOf(sum) };
    },

    unread: log.unread,

    /** How many records of this host no other peer and no storage is known to have. */
    pending: (): number => log.countLocal(Number(state.get(noted.held) ?? 0)),

    /** Makes this a database that was never in a mesh: all its records are its own to tell. */
    forgetMesh: (): void => write(log.forgetMesh),

    /** A fact about this host's copy that someone noted, undefined where nobody did. */
    state: (key: string): string | undefined => state.get(key),

    setState: (key: string, value: string): void => write(() => state.set(key, value)),

    /** Hides observations on this host only, whether they are here yet or not. The earliest time stays. */
    hide(ids: readonly string[], hidden_at: string): void {
      write(() => ids.forEach((id) => projection.hide(id, hidden_at)));
    },

    /** Shows what was hidden again. */
    unhide(ids: readonly string[]): void {
      write(() => ids.forEach((id) => projection.unhide(id)));
    },

    /** Takes the bytes of erased content out of the files. False where another process kept it from doing so. */
    purge: openPurge(db, { write: transact, index, state, patience }),

    /** Makes all projections anew from the log; gives the number of observations. */
    rebuild: (): number => transact(projection.rebuild),

    close: () => db.close(),
  };
}

function projectionOf(db: Database) {
  return openProjection(db, openSearchIndex(db));
}

/** The record that a payload makes: digest and time follow from its bytes. `fields` is the object in it. */
export function recordOf(kind: RecordKind, id: string, payload: string, fields = parseObject(payload)): Record {
  const at = parseTime(String(fields?.[timeFields[kind]] ?? "")) ?? "";
  return { kind, id, digest: digestOf(payload), at, payload };
}
