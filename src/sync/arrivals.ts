import { contentsOf, type Tokens, type TokenThread } from "../store/token-thread.ts";
import type { Replica, Taken, Unpacked } from "./replica.ts";

/** What one answer brought, and what a second thread makes of it. */
interface Arrived {
  unpacked: Unpacked;
  tokens?: Promise<Tokens | undefined> | undefined;
}

/** What merging of answers needs. */
export interface ArrivalPorts {
  /** Lets a question go out, and other writers of the store have their turn. Never settles once all has ended. */
  rest(): Promise<void>;
  /** A second thread for search tokens, where so much has come that it pays. */
  thread(): TokenThread | undefined;
  merged(taken: Taken & { malformed: number }): void;
}

/** What the answers of a session have brought, on its way into the store. */
export function createArrivals(replica: Replica, { rest, thread, merged }: ArrivalPorts) {
  const waiting: Arrived[] = [];

  return {
    get isEmpty() {
      return waiting.length === 0;
    },

    add(packed: readonly Uint8Array[]): void {
      if (packed.length === 0) return;
      const unpacked = replica.unpack(packed);
      waiting.push({ unpacked, tokens: thread()?.make(contentsOf(unpacked.records)) });
    },

    /** Merges all: what is to be said next depends on it. */
    async mergeAll(): Promise<void> {
      do {
        const { unpacked, tokens } = waiting.shift() ?? { unpacked: replica.unpack([]) };
        const made = await tokens;
        if (tokens) await rest();
        merged(replica.takeIn(unpacked, made));
      } while (waiting.length > 0);
    },

    /** Merges while a question is on its way; the newest waits, where its tokens are made meanwhile. */
    async mergeSome(): Promise<void> {
      while (waiting.length > (waiting.at(-1)?.tokens ? 1 : 0)) {
        const { unpacked, tokens } = waiting.shift()!;
        const made = await tokens;
        await rest();
        merged(replica.takeIn(unpacked, made));
      }
    },
  };
}
