import type { Mesh } from "./mesh.ts";
import type { Replica } from "./replica.ts";
import type { Row } from "./replica-store.ts";
import { pause, type Scheduler } from "./scheduler.ts";
import type { SealedRecord } from "./sealer.ts";
import type { Timing } from "./timing.ts";

/** More rows than this at once are a backlog: not told to every peer one by one, but left to reconciliation. */
const mostLive = 256;
const fillPage = 64;
const publishedKey = "mesh.published";

/**
 * Brings this host's own rows to the mesh: a few are published as they come, a backlog only goes to the storage, slowly.
 * Rows up to a watermark, kept in the store, have been handed over.
 */
export function createOutlet(replica: Replica, mesh: Mesh, scheduler: Scheduler, timing: Timing) {
  let published = 0;
  let kept = 0;
  let queue: number[] = [];
  let backlog = false;
  let linked = false;
  let running = false;

  /** A row as it travels; with an erasure the erased records themselves, which take the place of their content. */
  function parcels(seq: number): SealedRecord[] {
    const { store } = replica;
    const [record] = store.records([seq]);
    if (record?.kind !== "erasure") return replica.sealed([seq]);
    return replica.sealed([seq, ...erasedBy(replica, record.id)]);
  }

  async function send(seq: number, by: (parcel: SealedRecord) => Promise<boolean>): Promise<boolean> {
    for (const parcel of parcels(seq)) if (!(await by(parcel))) return false;
    return true;
  }

  /** Publishes the oldest row that waits. False where the mesh did not take it. */
  async function publishNext(): Promise<boolean> {
    const seq = queue[0]!;
    if (!(await send(seq, ({ name, bytes }) => mesh.publish(name, bytes)))) return false;
    if (queue[0] === seq) queue.shift();
    return true;
  }

  /** Puts a page of the backlog into the storage. Its end ends the backlog. False where the mesh did not take it. */
  async function fillNext(): Promise<boolean> {
    const { storage } = mesh;
    const rows = storage ? replica.store.rows(published, fillPage) : [];
    backlog = rows.length > 0;
    const own = rows.filter(({ received }) => !received);
    // Together, because the router then says once that it has them all.
    const taken = await Promise.all(own.map(({ seq }) => send(seq, ({ name, bytes }) => storage!.put(name, bytes))));
    if (taken.includes(false)) return false;
    advance(rows.at(-1)?.seq ?? published);
    if (backlog) await pause(timing.fillPause, scheduler);
    return true;
  }

  function advance(seq: number): void {
    published = Math.max(published, seq);
  }

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    try {
      while (linked && (queue.length > 0 || backlog)) {
        if (!(await (queue.length > 0 ? publishNext() : fillNext()))) return; // the next call tries again
      }
    } finally {
      running = false;
    }
    if (linked) advance(replica.cursor);
  }

  return {
    /** Where this host stopped the last time. Before the replica is first refreshed. */
    start(): void {
      published = kept = Number(replica.store.state(publishedKey) ?? 0);
    },

    /** Takes rows that were written here; gives those that had not been handed over before. */
    offer(rows: readonly Row[]): Row[] {
      const fresh = rows.filter(({ seq }) => seq > published);
      if (queue.length + fresh.length > mostLive) {
        queue = [];
        backlog = true;
      } else queue.push(...fresh.map(({ seq }) => seq));
      return fresh;
    },

    /** Hands over what waits, if there is a link. What the mesh does not take is left to the next call. */
    run,

    /** Keeps the watermark. Not at each save, which would wait for the disk twice. */
    keep(): void {
      if (published > kept) replica.store.setState(publishedKey, String(published));
      kept = published;
    },

    /** Nothing waits. */
    get idle() {
      return !running && queue.length === 0 && !backlog;
    },

    setLinked(up: boolean): void {
      linked = up;
    },
  };
}

/** The rows whose content an erasure destroys. */
export function erasedBy(replica: Replica, id: string): number[] {
  return ["observation", "tombstone"].flatMap((kind) => replica.store.find(kind, id)?.seq ?? []);
}
