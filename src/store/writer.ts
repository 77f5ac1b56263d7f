import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { readTimeout } from "./open.ts";
import { patiently, type Patience } from "./patience.ts";

/** Bytes of write-ahead log beyond which a writer empties it: readers that overlap for long keep it from beginning anew. */
const journalCeiling = 16 * 1024 * 1024;

/** Milliseconds a writer waits for readers to let it empty the log. It can be tried again later. */
const emptyingTimeout = 100;

export type Write = ReturnType<typeof openWriter>;

/** Write transactions: all or nothing, on disk when they return. */
export function openWriter(db: Database, path: string, patience: Patience) {
  let ceiling = journalCeiling;

  function setTimeout(milliseconds: number): void {
    db.query(`pragma busy_timeout = ${milliseconds}`).run();
  }

  function boundJournal(): void {
    const size = path === ":memory:" ? 0 : (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
    if (size <= ceiling) return;
    setTimeout(emptyingTimeout);
    const { busy } = db.query<{ busy: number }, []>("pragma wal_checkpoint(truncate)").get()!;
    ceiling = (busy ? size : 0) + journalCeiling;
  }

  return function write<T>(work: () => T): T {
    const transaction = db.transaction(work);
    try {
      setTimeout(0);
      const result = patiently(() => transaction.immediate(), patience);
      boundJournal();
      return result;
    } finally {
      setTimeout(readTimeout);
    }
  };
}
