import { emptySet, fingerprintOf, withElement } from "../../src/core/fingerprint.ts";
import { elementOf, isPreferred, type Record } from "../../src/core/record.ts";
import type { Merged, ReplicaStore } from "../../src/sync/replica-store.ts";

interface Entry extends Record {
  seq: number;
  received: boolean;
}

export type MemoryStore = ReturnType<typeof createMemoryStore>;

/** The rules of the log without a database, for tests that need thousands of stores. Copies are what a disk copy is. */
export function createMemoryStore(from?: { entries: Entry[]; states: [string, string][]; last: number }) {
  const bySeq = new Map((from?.entries ?? []).map((entry) => [entry.seq, { ...entry }]));
  const byIdentity = new Map([...bySeq.values()].map((entry) => [identityOf(entry), entry]));
  const states = new Map(from?.states);
  let last = from?.last ?? 0;
  let sum = [...bySeq.values()].reduce((before, entry) => withElement(before, elementOf(entry)), emptySet);

  function find(kind: string, id: string): Entry | undefined {
    return byIdentity.get(identityOf({ kind, id }));
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
    bySeq.set(entry.seq, entry);
    byIdentity.set(identityOf(entry), entry);
    if (record.kind === "erasure") {
      for (const kind of ["observation", "tombstone"]) {
        const content = find(kind, record.id);
        if (content) content.payload = null;
      }
    }
    const bare = entry.payload === null;
    return { outcome: known ? "replaced" : "inserted", seq: entry.seq, replaced: known?.digest, bare };
  }

  const store: ReplicaStore = {
    rows: (after, limit) => [...since(after)].slice(0, limit),
    fingerprint: () => ({ count: sum.count, fingerprint: fingerprintOf(sum) }),
    records: (seqs) => seqs.flatMap((seq) => bySeq.get(seq) ?? []),
    find,
    merge: (records) => records.map((record) => append(record, true)),
    forgetMesh() {
      for (const entry of bySeq.values()) entry.received = false;
      for (const key of states.keys()) if (key.startsWith("mesh.")) states.delete(key);
    },
    state: (key) => states.get(key),
    setState: (key, value) => void states.set(key, value),
  };

  function* since(after: number): Generator<Entry> {
    if (after >= last) return;
    for (const entry of bySeq.values()) if (entry.seq > after) yield entry;
  }

  return {
    ...store,
    count: () => bySeq.size,
    /** What a save, a delete or a gc in any process of the host does. */
    append: (records: readonly Record[]) => records.map((record) => append(record, false)),
    all: (): Record[] => [...bySeq.values()],
    copy: () => createMemoryStore({ entries: [...bySeq.values()], states: [...states], last }),
  };
}

function identityOf({ kind, id }: { kind: string; id: string }): string {
  return `${kind}/${id}`;
}

function isContent(kind: string): boolean {
  return kind === "observation" || kind === "tombstone";
}
