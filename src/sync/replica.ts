import { elementOf, type Record } from "../core/record.ts";
import type { Tokens } from "../store/token-thread.ts";
import { decodeRecord, encodeRecord } from "../seal/envelope.ts";
import { createElementSet, type ElementSet } from "./elements.ts";
import type { Merged, ReplicaStore, Row } from "./replica-store.ts";
import type { SealedRecord, Sealer } from "./sealer.ts";

export type Replica = ReturnType<typeof createReplica>;

/** What became of records that were brought to us. */
export interface Taken {
  /** New here, or in the place of a later claim to the same identity. */
  added: Record[];
  /** Records that came with a content which was erased here. */
  outdated: Record[];
  /** The rows that now hold what came, new or not. */
  rows: number[];
  /** Names of those that did not open. */
  refused: string[];
}

/** What a message carried: records, and how many others that were none. */
export interface Unpacked {
  records: Record[];
  malformed: number;
}

/** A set that holds the rows up to a number already. */
export interface Known {
  set: ElementSet;
  cursor: number;
}

const page = 4096;

/** More than these at once are no live traffic: their part of the search index is merged later, not while others wait. */
const few = 16;

/**
 * The log as replication sees it: the set of its elements in memory, kept level with the store. `local` hears of rows
 * that this host brings to the mesh, `dropped` of records that did not open, `many` when so many were merged that the store
 * is to be settled.
 */
export function createReplica(
  store: ReplicaStore,
  sealer: Sealer,
  on: { local(rows: Row[]): void; dropped(what: "record" | "sealing", reason: string): void; many(): void },
  known: Known = { set: createElementSet(), cursor: 0 },
) {
  let { set, cursor } = known;

  /** Takes in what was written to the store since, by this process or another. */
  function refresh(): void {
    for (;;) {
      const rows = store.rows(cursor, page);
      if (rows.length === 0) return;
      for (const row of rows) set.add(elementOf(row), row.seq);
      cursor = rows.at(-1)!.seq;
      const local = rows.filter((row) => !row.received);
      if (local.length) on.local(local);
    }
  }

  function fingerprint(): string {
    return Buffer.from(set.fingerprint("")).toString("hex");
  }

  function account(record: Record, { outcome, seq, replaced }: Merged): void {
    if (outcome === "present") return;
    if (replaced) set.remove(elementOf({ ...record, digest: replaced }));
    set.add(elementOf(record), seq);
  }

  /** Merges records of others. Throws what the store throws (disk full, locked); then nothing was merged. */
  function merge(records: readonly Record[], tokens?: Tokens): Taken {
    const many = records.length > few;
    const merged = records.length ? store.merge(records, many, tokens) : [];
    if (many) on.many();
    records.forEach((record, i) => account(record, merged[i]!));
    return {
      added: records.filter((_, i) => merged[i]!.outcome !== "present"),
      outdated: records.filter((record, i) => merged[i]!.bare && record.payload !== null),
      rows: merged.map(({ seq }) => seq),
      refused: [],
    };
  }

  /** Rows of the log in the form in which they leave it. A row that has none stays here, and is counted. */
  function formed<T>(seqs: readonly number[], form: (record: Record) => T): T[] {
    return store.records(seqs).flatMap((record) => {
      try {
        return [form(record)];
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        on.dropped("sealing", error.message); // one odd row must not keep all others from travelling
        return [];
      }
    });
  }

  /** The record in what others published or a storage kept; undefined, and counted, where it does not open. */
  function accept(sealed: SealedRecord): Record | undefined {
    const opened = sealer.open(sealed);
    if (typeof opened !== "string") return opened;
    on.dropped("record", opened);
    return undefined;
  }

  /** The records that a message carried. */
  function unpack(packed: readonly Uint8Array[]): Unpacked {
    const read = packed.map((bytes) => decodeRecord(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
    const records = read.filter((one) => one !== undefined);
    for (let i = records.length; i < read.length; i++) on.dropped("record", "malformed");
    return { records, malformed: read.length - records.length };
  }

  return {
    store,
    get set() {
      return set;
    },
    /** The newest row that the set knows of. */
    get cursor() {
      return cursor;
    },

    refresh,

    /** Fingerprint of all, in hex. */
    fingerprint,

    /** Another process may have replaced rows, which only the store's own fingerprint tells: then makes the set anew. */
    verify(): void {
      refresh();
      if (store.fingerprint().fingerprint === fingerprint()) return;
      set = createElementSet();
      let after = 0;
      for (let rows = store.rows(0, page); rows.length; rows = store.rows(after, page)) {
        for (const row of rows) set.add(elementOf(row), row.seq);
        after = rows.at(-1)!.seq;
      }
      refresh();
    },

    merge,

    accept,

    /** Accepts and merges what others published. Throws as `merge`. */
    take(sealed: readonly SealedRecord[]): Taken {
      const accepted = sealed.map(accept);
      const refused = sealed.filter((_, i) => accepted[i] === undefined).map(({ name }) => name);
      return { ...merge(accepted.filter((one) => one !== undefined)), refused };
    },

    /** The record as it would be taken, undefined where it would not. */
    open(sealed: SealedRecord): Record | undefined {
      const opened = sealer.open(sealed);
      return typeof opened === "string" ? undefined : opened;
    },

    /** Rows of the log, each sealed by itself: as they are published and stored. */
    sealed: (seqs: readonly number[]): SealedRecord[] => formed(seqs, sealer.seal),

    /** Rows of the log as a message carries them, which is sealed as one: that costs a third of sealing each. */
    packed: (seqs: readonly number[]): Uint8Array[] => formed(seqs, encodeRecord),

    unpack,

    /** Merges what was unpacked. Throws as `merge`. */
    takeIn: ({ records, malformed }: Unpacked, tokens?: Tokens) => ({ ...merge(records, tokens), malformed }),
  };
}
