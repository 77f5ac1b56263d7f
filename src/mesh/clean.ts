import { remains, secondRenewal } from "../sync/remains.ts";
import type { MeshHost } from "./run.ts";

/** Milliseconds. Long enough that erasures of one run are cleaned up once, and hosts differ, or all would do it together. */
const delay = { least: 20_000, spread: 20_000, between: secondRenewal };

/**
 * Takes the bytes of erased content off this host's disk, some time after it was erased: out of the database's files, and
 * by `renew` out of the router's. What fails is tried again later.
 */
export function createCleaner({ store, now, note }: Pick<MeshHost, "store" | "now" | "note">, renew: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let restUntil = 0;

  function plan(): void {
    const wait = Math.max(delay.least + delay.spread * Math.random(), restUntil - performance.now());
    timer ??= setTimeout(clean, wait);
  }

  function clean(): void {
    timer = undefined;
    try {
      const due = remains(store(), now().getTime());
      if (due === "now") {
        restUntil = performance.now() + delay.between;
        renew();
      }
      if (!store().purge() || due !== "none") plan(); // somebody is reading, or the storage is to be made anew once more
    } catch (error) {
      note(`erased content is still in the files: ${error instanceof Error ? error.message : String(error)}`);
      restUntil = performance.now() + delay.between;
      plan();
    }
  }

  return { plan, stop: () => clearTimeout(timer) };
}
