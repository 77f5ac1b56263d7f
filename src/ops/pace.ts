/** Milliseconds that a batch may hold the database's lock: as long as an agent's save may have to wait for it. */
const longest = 200;

/**
 * Milliseconds between two batches, at least: a writer that waits asks at least this often (store/patience.ts), so that
 * each gets its turn before we ask again.
 */
export const pause = 11;

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

/** A batch that is being prepared, and gives the part of its work that takes the lock. */
interface Prepared {
  size: number;
  take: Promise<() => void>;
}

/**
 * Does work on rows in batches, none of which keeps other writers waiting for long: their size follows from how long they
 * take on this machine. `work` prepares a batch while others may write, and gives the part that takes the lock; the next
 * batch is prepared meanwhile. Where reading fails, what was read before is still worked on.
 */
export async function paced<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  work: (batch: T[]) => Promise<() => void>,
  { sizeOf, now, isLockFree = false }: Pace<T>,
): Promise<void> {
  let limit = fewest;
  let batch: T[] = [];
  let bytes = 0;
  let freed = -Infinity;
  let prepared: Prepared | undefined;

  function prepare(): Prepared {
    const take = work(batch);
    take.catch(() => {}); // told when it is waited for
    const { length: size } = batch;
    [batch, bytes] = [[], 0];
    return { size, take };
  }

  async function finish({ size, take }: Prepared): Promise<void> {
    const work = await take;
    // Reading and preparing are a pause too. The clock may jump.
    if (!isLockFree) await Bun.sleep(Math.min(pause, Math.max(0, freed + pause - now())));
    const begun = now();
    work();
    freed = now();
    const took = freed - begun;
    if (took > longest) limit = Math.max(fewest, size >> 1);
    else if (took < longest / 2 && size >= limit) limit = Math.min(most, size * 2);
  }

  async function flush(): Promise<void> {
    const before = prepared;
    prepared = batch.length > 0 ? prepare() : undefined;
    try {
      if (before) await finish(before);
    } catch (error) {
      prepared = undefined; // what would come next fails as well
      throw error;
    }
  }

  try {
    for await (const row of rows) {
      batch.push(row);
      bytes += sizeOf(row);
      if (batch.length >= limit || bytes >= mostBytes) await flush();
    }
  } finally {
    await flush();
    await flush();
  }
}
