import type { Database } from "bun:sqlite";
import { readTimeout } from "./open.ts";
import { patiently, type Patience } from "./patience.ts";
import type { SearchIndex } from "./search-index.ts";
import type { State } from "./state.ts";
import type { Write } from "./writer.ts";

/** Erased content whose bytes are still in the files: the row number of the last erasure that destroyed some. */
export const unpurged = "unpurged";

/** Notes that an erasure destroyed content. Its row number is never used twice, so that a later one is told apart. */
export function markUnpurged(state: State, seq: number): void {
  state.set(unpurged, String(seq));
}

/**
 * Takes the bytes of erased content out of the files. An erased row is only marked as free space, a removed word only as
 * removed, and `secure_delete` overwrites neither words nor what page splits leave behind (SQLite btree.c, rebuildPage),
 * so: merge the search tables, write the whole database anew (VACUUM), and empty the write-ahead log.
 *
 * Gives false where another process has been reading for more than five seconds, which keeps the log from being emptied;
 * nothing is lost then, and the next purge begins again. Writers wait meanwhile. Needs free space of the size of the database.
 */
export function openPurge(
  db: Database,
  { write, index, state, patience }: { write: Write; index: SearchIndex; state: State; patience: Patience },
) {
  return function purge(): boolean {
    const pending = state.get(unpurged);
    if (pending === undefined) return true;
    write(index.optimize);
    patiently(() => db.run("vacuum"), patience);
    db.run(`pragma busy_timeout = ${Math.min(readTimeout, patience.limit)}`);
    const { busy } = db.query<{ busy: number }, []>("pragma wal_checkpoint(truncate)").get()!;
    if (busy) return false;
    write(() => state.get(unpurged) === pending && state.delete(unpurged));
    return true;
  };
}
