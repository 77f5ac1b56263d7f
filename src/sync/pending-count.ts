import type { Store } from "../store/store.ts";

/** How many records of this host no peer and no storage is known to hold. Needs no replicator: the watermark is kept. */
export function pendingCount(store: Pick<Store, "state" | "log">): number {
  return store.log.countLocal(Number(store.state("mesh.held") ?? 0));
}
