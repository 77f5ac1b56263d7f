import type { createKeeper } from "./keeper.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Notice } from "./status.ts";
import type { Timing } from "./timing.ts";

const aliveKey = "mesh.alive";
const readKey = "mesh.read";

/** Whether all that the storage held has been read at least once. */
export function wasRead(store: Pick<CarePorts, "state">): boolean {
  return store.state(readKey) !== undefined;
}

/** The storage was made anew: the next link reads and fills it. */
export function forgetStorage(store: Pick<CarePorts, "setState">): void {
  store.setState(aliveKey, "0");
}

/** So many names are looked at one by one; more are found by reading everything. */
const mostSuspects = 256;

/** What the care of the storage needs of its surroundings. */
export interface CarePorts {
  state(key: string): string | undefined;
  setState(key: string, value: string): void;
  /** This host's rows are all on their way: what the storage lacks, it has lost. */
  idle(): boolean;
  /** What the storage had is in the set from now on. */
  read(): void;
  /** Records are coming from a peer, by his questions or our own. */
  fed(): boolean;
  /** How many peers are present: every router answers whoever reads, and what all see must not make all read at once. */
  peers(): number;
  notify(notice: Notice): void;
}

/**
 * Decides when the storage is read: at start, after a time without a replicator; on a timer in an open mesh; when a relay
 * comes within reach; and when something that should be in it is not: somebody deleted it, or put something else in its place.
 */
export function createStorageCare(
  keeper: ReturnType<typeof createKeeper>,
  ports: CarePorts,
  { scheduler, timing, open }: { scheduler: Scheduler; timing: Timing; open: boolean },
) {
  let readAt = Number.POSITIVE_INFINITY;
  let reread = timing.reread;
  let sampleAt = Number.POSITIVE_INFINITY;
  let aliveAt = 0;
  let suspected = false;
  let suspects = new Set<string>();
  let mendAt = Number.POSITIVE_INFINITY;
  let caredAt = Number.NEGATIVE_INFINITY;
  let busy = false;
  let startAt = Number.POSITIVE_INFINITY; // when it is read for having been unwatched
  let isRead: boolean | undefined;

  function later(delay: number): number {
    return scheduler.now() + delay * (0.5 + scheduler.random());
  }

  /** Soon, and later by chance where others may have done it by then; as planned where that is no later. */
  function inTurn(planned: number): number {
    const spread = timing.readPerPeer * ports.peers();
    if (planned <= scheduler.now() + 1.5 * timing.settle + spread) return planned;
    return later(timing.settle) + spread * scheduler.random();
  }

  /** What was not done to its end is found by reading everything, after a while. */
  function again(): void {
    readAt = Math.min(readAt, later(timing.sample));
  }

  async function read(): Promise<void> {
    reread = Math.min(reread * 2, timing.reread);
    readAt = open ? later(reread) : Number.POSITIVE_INFINITY;
    const isFirst = startAt <= scheduler.now();
    startAt = Number.POSITIVE_INFINITY;
    const reading = await keeper.read(!isFirst);
    caredAt = scheduler.now();
    if (!reading?.whole) return again();
    if (!wasRead(ports)) ports.setState(readKey, "1");
    if (reading.missing && isFirst)
      readAt = later(timing.mend); // or was the link to other routers not up yet?
    else if (reading.missing && !open) ports.notify({ kind: "storageWiped", missing: reading.missing });
    nowRead();
  }

  function nowRead(): void {
    if (!isRead) ports.read();
    isRead = true;
  }

  /** A record that is not found may still be on its way: only what is missing twice is missing. */
  async function sample(): Promise<void> {
    sampleAt = later(timing.sample * (1 + ports.peers()));
    const lacking = ports.idle() && !(await keeper.isIntact());
    if (lacking && suspected) readAt = 0;
    else if (lacking) sampleAt = later(timing.settle);
    suspected = lacking && !suspected;
  }

  async function mend(): Promise<void> {
    const names = suspects;
    suspects = new Set();
    mendAt = Number.POSITIVE_INFINITY;
    const { missing, whole } = await keeper.mend(names);
    caredAt = scheduler.now();
    if (!whole) again();
    if (missing > 0) ports.notify({ kind: "storageWiped", missing });
  }

  return {
    /** The link is up. What came into the storage while no replicator ran here is read once, after the peers. */
    linked(): void {
      const absence = scheduler.clock() - Number(ports.state(aliveKey) ?? Number.NEGATIVE_INFINITY);
      const known = absence >= 0 && absence < timing.absence; // a clock that was set back proves nothing
      reread = timing.settle; // in an open mesh other routers may link a little later, and nobody tells what they bring
      if (open) readAt = later(timing.settle);
      else if (!known) {
        startAt = later(timing.settle);
        isRead = false;
      }
      isRead ??= !open;
      sampleAt = open ? Number.POSITIVE_INFINITY : later(timing.sample);
    },

    /** There is a storage that may have taken what no peer has. */
    relayed(): void {
      readAt = inTurn(readAt);
    },

    /**
     * All that a peer has is here, and he has read the storage. What is in it all the same came to a router while no
     * replicator was near: no matter of minutes.
     */
    compared(): void {
      if (open || isRead) return;
      startAt = later(timing.leisure);
      nowRead();
    },

    /** What the storage had at start is in the set. */
    get isRead() {
      return isRead ?? false;
    },

    /**
     * Somebody deleted a name from it, or what matches an expression, or put under a name what does not open. In an open
     * mesh that may be the Python original, and its right.
     */
    suspect(expression: string): void {
      if (open) keeper.forgo(expression);
      else if (expression.includes("*") || suspects.size >= mostSuspects) readAt = inTurn(readAt);
      else {
        suspects.add(expression);
        mendAt = inTurn(mendAt);
      }
    },

    /** Does what is due. */
    async tick(): Promise<void> {
      const now = scheduler.now();
      // Who ends before he has read what came unwatched was never here.
      if (now >= aliveAt && Math.min(startAt, readAt) === Number.POSITIVE_INFINITY) {
        aliveAt = now + timing.absence / 2;
        ports.setState(aliveKey, String(Math.floor(scheduler.clock())));
      }
      if (busy) return;
      busy = true;
      try {
        const rested = now - caredAt >= timing.mend; // whatever somebody goes on doing
        // What is on its way to the storage, or to us, is not missing.
        const isDue = now >= readAt || (now >= startAt && !ports.fed());
        if (rested && isDue && ports.idle()) await read();
        else if (rested && now >= mendAt) await mend();
        else if (now >= sampleAt) await sample();
      } catch (error) {
        again();
        throw error;
      } finally {
        busy = false;
      }
    },
  };
}
