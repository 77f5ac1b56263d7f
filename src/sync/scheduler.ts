/** Time and chance as the replication rules see them. Tests advance it; nothing below reads a clock by itself. */
export interface Scheduler {
  /** Milliseconds since some fixed moment. Never goes back, whatever is done to the wall clock. */
  now(): number;
  /** The wall clock in milliseconds since 1970, right or wrong. */
  clock(): number;
  /** Runs a function once, `delay` milliseconds from now; the returned function prevents that. */
  after(delay: number, run: () => void): () => void;
  /** A number in [0, 1). Spreads load; nothing secret is made from it. */
  random(): number;
}

/** The scheduler of a running program. */
export const systemScheduler: Scheduler = {
  now: () => performance.now(),
  clock: () => Date.now(),
  after(delay, run) {
    if (delay === 0) {
      const turn = setImmediate(run); // a timer of 0 waits for a millisecond
      return () => clearImmediate(turn);
    }
    const timer = setTimeout(run, delay);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** One of several items by chance, undefined of none. */
export function pick<T>(items: readonly T[], scheduler: Scheduler): T | undefined {
  return items[Math.floor(scheduler.random() * items.length)];
}

/** Settles after a number of milliseconds. */
export function pause(delay: number, scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.after(delay, resolve));
}
