import { noted } from "../store/noted.ts";
import type { ReplicaStore, Row } from "./replica-store.ts";

/**
 * Which of this host's rows are known to be held elsewhere: all up to a watermark, kept in the store. Only a session
 * with a peer, or a look into the storage, moves it: announcements prove nothing.
 */
export function createPending(store: ReplicaStore) {
  let through = 0;
  let waiting: number[] = [];

  return {
    get through() {
      return through;
    },
    get count() {
      return waiting.length;
    },

    /** Takes up where this host stopped the last time. Before the replica is first refreshed. */
    start(): void {
      through = Number(store.state(noted.held) ?? 0);
    },

    /** Rows that were written here. */
    add(rows: readonly Row[]): void {
      for (const { seq } of rows) if (seq > through) waiting.push(seq);
    },

    /** A peer or the storage has every row up to this one. */
    heldThrough(seq: number): void {
      if (seq <= through) return;
      through = seq;
      waiting = waiting.filter((one) => one > seq);
      store.setState(noted.held, String(seq));
    },
  };
}
