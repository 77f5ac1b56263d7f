import type { ReplicaStore } from "./replica-store.ts";

const heldKey = "mesh.held";

/**
 * Which of this host's rows are known to be held elsewhere: all up to a watermark, kept in the store. Only a session
 * with a peer, or a look into the storage, moves it: announcements prove nothing.
 */
export function createPending(store: ReplicaStore) {
  const through = () => Number(store.state(heldKey) ?? 0);

  return {
    through,
    count: () => store.countLocal(through()),
    /** A peer or the storage has every row up to this one. */
    heldThrough(seq: number): void {
      if (seq > through()) store.setState(heldKey, String(seq));
    },
  };
}
