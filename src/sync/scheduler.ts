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

/**
 * A scheduler that can be stopped: what waits is dropped, and what was under way starts nothing more. A single timer keeps the
 * process from ending until it is due.
 */
export function stoppable(scheduler: Scheduler): Scheduler & { stop(): void } {
  const waiting = new Set<() => void>();
  let stopped = false;
  return {
    ...scheduler,
    after(delay, run) {
      if (stopped) return () => {};
      const cancel = scheduler.after(delay, () => {
        waiting.delete(cancel);
        run();
      });
      waiting.add(cancel);
      return () => {
        waiting.delete(cancel);
        cancel();
      };
    },
    stop() {
      stopped = true;
      for (const cancel of waiting) cancel();
      waiting.clear();
    },
  };
}

/** One of several items by chance, undefined of none. */
export function pick<T>(items: readonly T[], scheduler: Scheduler): T | undefined {
  return items[Math.floor(scheduler.random() * items.length)];
}

/** Settles after a number of milliseconds. */
export function pause(delay: number, scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.after(delay, resolve));
}
