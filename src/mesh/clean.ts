import type { Store } from "../store/store.ts";
import { hasRemains } from "../sync/remains.ts";

/** Milliseconds. Long enough that erasures of one run are cleaned up once, and hosts differ, or all would do it together. */
const usualDelay = { least: 20_000, spread: 20_000, between: 600_000 };

/**
 * Takes the bytes of erased content off this host's disk, some time after it was erased: out of the database's files, and
 * by `renew` out of the router's. What fails is tried again later.
 */
export function createCleaner(store: () => Store, renew: () => void, note: (line: string) => void, delay = usualDelay) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let restUntil = 0;

  function plan(): void {
    const wait = Math.max(delay.least + delay.spread * Math.random(), restUntil - performance.now());
    timer ??= setTimeout(clean, wait);
  }

  function clean(): void {
    timer = undefined;
    try {
      if (hasRemains(store())) {
        restUntil = performance.now() + delay.between;
        renew();
      }
      if (!store().purge()) plan(); // somebody is reading: later, then
    } catch (error) {
      note(`erased content is still in the files: ${error instanceof Error ? error.message : String(error)}`);
      restUntil = performance.now() + delay.between;
      plan();
    }
  }

  return { plan, stop: () => clearTimeout(timer) };
}
