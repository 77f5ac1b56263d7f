import { unpurged } from "../store/purge.ts";
import type { ReplicaStore } from "./replica-store.ts";

type States = Pick<ReplicaStore, "state" | "setState">;

/** Milliseconds after which a storage that was made anew is made anew once more. */
export const secondRenewal = 300_000;

/**
 * Content was erased while this host's storage had it. A new value takes the old one's place for every reader, but a
 * database that only appends (RocksDB) keeps the old bytes in its files for as long as it likes, so it is made anew. That
 * is done twice: what the routers align brings the content into a new storage too, unseen, where another router has not
 * heard of the erasure yet. `now`, or the time in milliseconds from which the second renewal is due.
 */
const key = "mesh.remains";

/** Notes that the storage's files may have erased content in them. */
export function noteRemains(store: States): void {
  if (store.state(key) !== "now") store.setState(key, "now");
}

/** After a start: a process that was killed right after an erasure came may not have noted it. */
export function noteUnpurged(store: States): void {
  if (store.state(unpurged) !== undefined) noteRemains(store);
}

/** Whether the storage is to be made anew now; `later` where it will be. */
export function remains(store: States, clock: number): "none" | "now" | "later" {
  const value = store.state(key) ?? "";
  if (value === "") return "none";
  const left = Number(value) - clock;
  return left > 0 && left <= secondRenewal ? "later" : "now"; // a clock that was set proves nothing
}

/** The storage was made anew. */
export function noteRenewal(store: States, clock: number): void {
  store.setState(key, store.state(key) === "now" ? String(clock + secondRenewal) : "");
}
