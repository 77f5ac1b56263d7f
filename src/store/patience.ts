/** How long a writer waits for the lock that another process holds, and by which clock. Milliseconds. */
export interface Patience {
  limit: number;
  now(): number;
  sleep(milliseconds: number): void;
  /** In [0, 1). */
  random(): number;
}

export const usualPatience: Patience = {
  limit: 30_000,
  now: () => performance.now(),
  sleep: (milliseconds) => Bun.sleepSync(milliseconds),
  random: () => Math.random(),
};

/**
 * Runs work that needs a lock until it gets it, within the limit. SQLite's own wait is unfair: the longer one has waited,
 * the rarer one asks, so that under load the unlucky starve. Here everyone asks after 1 to 10 ms, at random. The work must
 * be safe to begin again, as a transaction that was rolled back is.
 */
export function patiently<T>(work: () => T, { limit, now, sleep, random }: Patience): T {
  const deadline = now() + limit;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || now() >= deadline) throw error;
      sleep(1 + 9 * random());
    }
  }
}

/** True where another process was in the way: a lock, a recovery, or a snapshot that has aged. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|PROTOCOL)/.test(String((error as { code?: unknown } | null)?.code));
}
