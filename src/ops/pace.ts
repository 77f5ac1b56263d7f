/** Milliseconds that a batch may hold the database's lock: as long as an agent's save may have to wait for it. */
const longest = 400;

/**
 * Milliseconds between two batches, at least: a writer that waits asks at least this often (store/patience.ts), so that
 * one who waits gets his turn before we ask again.
 */
export const pause = 11;

/** What a batch holds, or may hold. */
interface Size {
  rows: number;
  bytes: number;
}

/** Where less would take too long the machine has other work, and each batch costs a flush as well. */
const least: Size = { rows: 64, bytes: 64 * 1024 };
const most: Size = { rows: 2_000, bytes: 4 * 1024 * 1024 };

interface Pace<T> {
  sizeOf(row: T): number;
  /** Nothing takes a lock: nobody waits for a pause. */
  isLockFree?: boolean;
  /** Milliseconds, by any clock. */
  now(): number;
}

/** A batch that is being prepared, and gives the part of its work that takes the lock. */
interface Prepared {
  size: Size;
  take: Promise<() => void>;
}

/**
 * Does work on rows in batches, none of which keeps other writers waiting for long: their size, in rows and in bytes,
 * follows from how long they take on this machine. `work` prepares a batch while others may write, and gives the part that
 * takes the lock; the next batch is prepared meanwhile. Where reading fails, what was read before is still worked on.
 */
export async function paced<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  work: (batch: T[]) => Promise<() => void>,
  { sizeOf, now, isLockFree = false }: Pace<T>,
): Promise<void> {
  let limit = least;
  let batch: T[] = [];
  let bytes = 0;
  let freed = -Infinity;
  let finished = Promise.resolve();

  function prepare(): Prepared {
    const take = work(batch);
    take.catch(() => {}); // told when it is waited for
    const size = { rows: batch.length, bytes };
    [batch, bytes] = [[], 0];
    return { size, take };
  }

  async function finish({ size, take }: Prepared, before: Promise<void>): Promise<void> {
    await before; // where it failed, this one would too
    const work = await take;
    // Reading and preparing are a pause too. The clock may jump.
    if (!isLockFree) await Bun.sleep(Math.min(pause, Math.max(0, freed + pause - now())));
    const begun = now();
    work();
    freed = now();
    limit = adapted(limit, size, freed - begun);
  }

  /** Begins with a batch, which goes on while the next is read, however long that takes; waits for the one before. */
  async function flush(): Promise<void> {
    const before = finished;
    finished = finish(prepare(), before);
    finished.catch(() => {}); // told when it is waited for
    await before;
  }

  try {
    for await (const row of rows) {
      batch.push(row);
      bytes += sizeOf(row);
      if (batch.length >= limit.rows || bytes >= limit.bytes) await flush();
    }
  } finally {
    if (batch.length > 0) await flush();
    await finished;
  }
}

/** What the next batch may hold, after one of a size took so many milliseconds. */
function adapted(limit: Size, size: Size, took: number): Size {
  const fit = (unit: keyof Size) => {
    if (took > longest) return Math.max(least[unit], Math.min(limit[unit], size[unit] >> 1));
    return took < longest / 2 && size[unit] >= limit[unit] ? Math.min(most[unit], size[unit] * 2) : limit[unit];
  };
  return { rows: fit("rows"), bytes: fit("bytes") };
}
