/** Milliseconds that a batch may hold the database's lock: as long as an agent's save may have to wait for it. */
const longest = 200;

/**
 * Milliseconds between two batches, at least: a writer that waits asks at least this often (store/patience.ts), so that
 * each gets its turn before we ask again.
 */
const pause = 11;

/** Rows of one batch. Where fewer would take too long the machine has other work, and each batch costs a flush as well. */
const fewest = 64;
const most = 2_000;

/** Bytes of one batch, however few rows these are. */
const mostBytes = 4 * 1024 * 1024;

interface Pace<T> {
  sizeOf(row: T): number;
  /** Nothing takes a lock: nobody waits for a pause. */
  isLockFree?: boolean;
  /** Milliseconds, by any clock. */
  now(): number;
}

/**
 * Does work on rows in batches, none of which keeps other writers waiting for long: their size follows from how long they
 * take on this machine. `work` prepares a batch while others may write, and gives back the part that takes the lock. Where
 * reading fails, what was read before is still worked on.
 */
export async function paced<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  work: (batch: T[]) => () => void,
  { sizeOf, now, isLockFree = false }: Pace<T>,
): Promise<void> {
  let limit = fewest;
  let batch: T[] = [];
  let bytes = 0;
  let freed = -Infinity;

  async function flush(): Promise<void> {
    const full = batch;
    [batch, bytes] = [[], 0];
    if (full.length === 0) return;
    const take = work(full);
    // Reading and preparing are a pause too. The clock may jump.
    if (!isLockFree) await Bun.sleep(Math.min(pause, Math.max(0, freed + pause - now())));
    const begun = now();
    take();
    freed = now();
    const took = freed - begun;
    if (took > longest) limit = Math.max(fewest, limit >> 1);
    else if (took < longest / 2 && full.length === limit) limit = Math.min(most, limit * 2);
  }

  try {
    for await (const row of rows) {
      batch.push(row);
      bytes += sizeOf(row);
      if (batch.length >= limit || bytes >= mostBytes) await flush();
    }
  } finally {
    await flush();
  }
}
