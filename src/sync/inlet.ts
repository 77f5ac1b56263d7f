import type { Replica, Taken } from "./replica.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SealedRecord } from "./sealer.ts";

/** One transaction, one wait for the disk. */
const batch = 256;
/** What waits for the disk at most; more is left to reconciliation. */
const mostBytes = 16 * 1024 * 1024;
/** What one costs beside its bytes: whoever reaches the router can send empty ones without end. */
const overhead = 512;

/** Takes in what other peers publish: all that has arrived together goes into the store together. */
export function createInlet(
  replica: Replica,
  scheduler: Scheduler,
  on: { taken(taken: Taken): void; dropped(what: "record", reason: string): void; guard(work: () => void): void },
) {
  let waiting: SealedRecord[] = [];
  let bytes = 0;

  function flush(): void {
    const some = waiting.slice(0, batch);
    waiting = waiting.slice(batch);
    bytes = waiting.reduce((sum, one) => sum + one.bytes.length + overhead, 0);
    if (waiting.length) scheduler.after(0, flush);
    on.guard(() => on.taken(replica.take(some)));
  }

  return {
    receive(name: string, payload: Uint8Array): void {
      const more = payload.length + overhead;
      if (bytes + more > mostBytes) return on.dropped("record", "too many at once");
      waiting.push({ name, bytes: payload });
      bytes += more;
      if (waiting.length === 1) scheduler.after(0, flush);
    },
  };
}
