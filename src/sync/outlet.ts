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

  /** Publishes the oldest row that waits. */
  async function publishNext(): Promise<void> {
    const seq = queue[0]!;
    if (!(await send(seq, ({ name, bytes }) => mesh.publish(name, bytes)))) linked = false;
    else if (queue[0] === seq) queue.shift();
  }

  /** Puts a page of the backlog into the storage. Its end ends the backlog. */
  async function fillPageOnce(): Promise<void> {
    const { storage } = mesh;
    const rows = storage ? replica.store.rows(published, fillPage) : [];
    if (rows.length === 0) {
      backlog = false;
      return;
    }
    for (const { seq, received } of rows) {
      if (!received && !(await send(seq, ({ name, bytes }) => storage!.put(name, bytes)))) linked = false;
      if (!linked) return;
    }
    advance(rows.at(-1)!.seq);
    await pause(timing.fillPause, scheduler);
  }

  function advance(seq: number): void {
    if (seq <= published) return;
    published = seq;
    replica.store.setState(publishedKey, String(seq));
  }

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (linked && (queue.length > 0 || backlog)) await (queue.length > 0 ? publishNext() : fillPageOnce());
    running = false;
    if (linked) advance(replica.cursor);
  }

  return {
    /** Where this host stopped the last time. Before the replica is first refreshed. */
    start(): void {
      published = Number(replica.store.state(publishedKey) ?? 0);
    },

    /** Rows that were written here. */
    offer(rows: readonly Row[]): void {
      const fresh = rows.filter(({ seq }) => seq > published);
      if (queue.length + fresh.length > mostLive) {
        queue = [];
        backlog = true;
      } else queue.push(...fresh.map(({ seq }) => seq));
    },

    /** Hands over what waits, if there is a link. */
    run,

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
