import type { Store } from "./store.ts";

/** The store as replication uses it (sync/replica-store.ts). */
export function openReplicaStore(store: Store) {
  return {
    rows: store.log.rows,
    records: store.log.records,
    find: store.log.find,
    fingerprint: store.fingerprint,
    merge: store.merge,
    settle: store.settle,
    forgetMesh: store.forgetMesh,
    state: store.state,
    setState: store.setState,
  };
}
