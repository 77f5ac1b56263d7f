import { UserError } from "../core/errors.ts";
import { storeFailure } from "../store/failure.ts";
import type { Store } from "../store/store.ts";
import { pause } from "./pace.ts";

/** Settles a store to the end after much was taken in. Where no room or lock is left for it, saves make up for it. */
export async function settle(store: Store, database: string): Promise<void> {
  try {
    while (store.settle()) await Bun.sleep(pause);
  } catch (error) {
    const failure = storeFailure(error, database);
    if (!(failure instanceof UserError && failure.code === "unavailable")) throw error;
  }
}
