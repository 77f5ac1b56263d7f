import type { Notice } from "./status.ts";

/** Whoever can reach the router can make up peers without end. */
const mostNotices = 1_000;

/** Counts what was dropped, and tells a person of each kind of trouble once. */
export function createReporter(notify: (notice: Notice) => void) {
  const counts: { [reason: string]: number } = {};
  const told = new Set<string>();

  function once(key: string, notice: Notice): void {
    if (told.has(key) || told.size >= mostNotices) return;
    told.add(key);
    notify(notice);
  }

  return {
    counts,

    dropped(what: string, reason: string): void {
      const key = `${what}: ${reason}`;
      counts[key] = (counts[key] ?? 0) + 1;
      once(key, { kind: "dropped", what, reason });
    },

    /** The store could not do its part. */
    failed(error: unknown): void {
      const reason = error instanceof Error ? error.message : String(error);
      counts[`store: ${reason}`] = (counts[`store: ${reason}`] ?? 0) + 1;
      once(`store: ${reason}`, { kind: "failed", error });
    },

    once,
  };
}
