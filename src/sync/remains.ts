import { unpurged } from "../store/purge.ts";
import type { ReplicaStore } from "./replica-store.ts";

type States = Pick<ReplicaStore, "state" | "setState">;

/**
 * Content was erased while this host's storage had it. A new value takes the old one's place for every reader, but a
 * database that only appends (RocksDB) keeps the old bytes in its files for as long as it likes.
 */
const key = "mesh.remains";

/** Notes that the storage's files may have erased content in them. */
export function noteRemains(store: States): void {
  if (!hasRemains(store)) store.setState(key, "1");
}

/** After a start: a process that was killed right after an erasure came may not have noted it. */
export function noteUnpurged(store: States): void {
  if (store.state(unpurged) !== undefined) noteRemains(store);
}

export function hasRemains(store: States): boolean {
  return store.state(key) === "1";
}

/** The storage was made anew. */
export function clearRemains(store: States): void {
  store.setState(key, "");
}
