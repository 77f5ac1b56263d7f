import { emptySet, fingerprintOf, withElement, type SetSum } from "../../src/core/fingerprint.ts";
import { elementOf, isPreferred, type Record } from "../../src/core/record.ts";
import type { Merged, ReplicaStore } from "../../src/sync/replica-store.ts";

export interface Entry extends Record {
  seq: number;
  received: boolean;
}

/** Rows 1 to `count` that many stores have in common, and none of them keeps: what differs lies over them. */
export interface Base {
  sum: SetSum;
  /** The row of a number up to the base's count. */
  row(seq: number): Entry;
  find(kind: string, id: string): Entry | undefined;
}

interface Disk {
  entries: Entry[];
  states: [string, string][];
  last: number;
  sum: SetSum;
}

export type MemoryStore = ReturnType<typeof createMemoryStore>;

const nothing: Base = { sum: emptySet, row: () => undefined as never, find: () => undefined };

/** The rules of the log without a database, for tests that need thousands of stores. Copies are what a disk copy is. */
export function createMemoryStore(from?: Disk, base = nothing) {
  const bySeq = new Map((from?.entries ?? []).map((entry) => [entry.seq, { ...entry }]));
  const byIdentity = new Map([...bySeq.values()].map((entry) => [identityOf(entry), entry]));
  const states = new Map(from?.states);
  const shared = base.sum.count;
  let last = from?.last ?? shared;
  let sum = from?.sum ?? base.sum;

  function find(kind: string, id: string): Entry | undefined {
    return byIdentity.get(identityOf({ kind, id })) ?? base.find(kind, id);
  }

  function keep(entry: Entry): void {
    bySeq.set(entry.seq, entry);
    byIdentity.set(identityOf(entry), entry);
  }

  function append(record: Record, received: boolean): Merged {
    const known = find(record.kind, record.id);
    const erased = record.kind !== "erasure" && find("erasure", record.id) !== undefined;
    if (known && !isPreferred(record, known)) {
      const same = Buffer.compare(known.digest, record.digest) === 0;
      const revives = known.payload === null && record.payload !== null && !erased && same;
      if (!revives) return { outcome: "present", seq: known.seq, replaced: undefined, bare: known.payload === null };
    }
    if (known) {
      if (known.seq <= shared) throw new Error("a row of the base cannot be replaced");
      bySeq.delete(known.seq);
      sum = withElement(sum, elementOf(known), -1);
    }
    sum = withElement(sum, elementOf(record));
    const entry = {
      ...record,
      payload: erased && isContent(record.kind) ? null : record.payload,
      seq: ++last,
      received,
    };
    keep(entry);
    if (record.kind === "erasure") {
      for (const kind of ["observation", "tombstone"]) {
        const content = find(kind, record.id);
        if (content) keep(Object.assign(content, { payload: null }));
      }
    }
    const bare = entry.payload === null;
    return { outcome: known ? "replaced" : "inserted", seq: entry.seq, replaced: known?.digest, bare };
  }

  const store: ReplicaStore = {
    rows(after, limit) {
      const rows: Entry[] = [];
      for (const entry of since(after)) if (rows.push(entry) === limit) break;
      return rows;
    },
    fingerprint: () => ({ count: sum.count, fingerprint: fingerprintOf(sum) }),
    records: (seqs) => seqs.flatMap((seq) => bySeq.get(seq) ?? (seq <= shared ? base.row(seq) : [])),
    find,
    merge: (records) => records.map((record) => append(record, true)),
    settle: () => false,
    forgetMesh() {
      for (const entry of bySeq.values()) entry.received = false;
      for (const key of states.keys()) if (key.startsWith("mesh.")) states.delete(key);
    },
    state: (key) => states.get(key),
    setState: (key, value) => void states.set(key, value),
  };

  function* since(after: number): Generator<Entry> {
    for (let seq = after + 1; seq <= shared; seq++) yield bySeq.get(seq) ?? base.row(seq);
    if (after >= last) return;
    for (const entry of bySeq.values()) if (entry.seq > Math.max(after, shared)) yield entry;
  }

  return {
    ...store,
    count: () => sum.count,
    /** What a save, a delete or a gc in any process of the host does. */
    append: (records: readonly Record[]) => records.map((record) => append(record, false)),
    all: (): Record[] => [...since(0)],
    copy: () => createMemoryStore({ entries: [...bySeq.values()], states: [...states], last, sum }, base),
  };
}

function identityOf({ kind, id }: { kind: string; id: string }): string {
  return `${kind}/${id}`;
}

function isContent(kind: string): boolean {
  return kind === "observation" || kind === "tombstone";
}
