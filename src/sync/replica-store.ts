import type { Record } from "../core/record.ts";
import type { Tokens } from "../store/token-thread.ts";

/** A row of the log without its payload. */
export interface Row {
  /** Its number, in the order in which this host learned of records. Never used twice. */
  seq: number;
  kind: string;
  id: string;
  digest: Uint8Array;
  /** It came from the mesh, so that some peer or storage holds it. False for what was saved or imported here. */
  received: boolean;
}

/** What became of an arrived record. */
export interface Merged {
  outcome: "inserted" | "present" | "replaced";
  /** The row that now holds the identity. */
  seq: number;
  /** The digest of what it replaced. */
  replaced: Uint8Array | undefined;
  /** The row holds the digest alone: its content was erased, or never came. */
  bare: boolean;
}

/** What replication needs of the store. All of it is local, synchronous and bounded by its arguments. */
export interface ReplicaStore {
  /** Rows after a number, oldest first. */
  rows(after: number, limit: number): Row[];
  /** How many rows there are, and 32 hex digits that are equal for equal sets (core/fingerprint.ts). */
  fingerprint(): { count: number; fingerprint: string };
  /** Records by row number; numbers without a row are left out. */
  records(seqs: readonly number[]): (Record & { seq: number })[];
  /** One record by identity. */
  find(kind: string, id: string): (Record & { seq: number }) | undefined;
  /**
   * Adds records that came from the mesh, in one transaction, durable when this returns. After many at once, `settle`.
   * `tokens` are what a second thread has made of them.
   */
  merge(records: readonly Record[], many?: boolean, tokens?: Tokens): Merged[];
  /** Makes searches fast after many were merged, in one short transaction; false where nothing is left to be done. */
  settle(): boolean;
  /** The rows have never been in a mesh: nothing is known to be held elsewhere. Forgets the states named `mesh.…`. */
  forgetMesh(): void;
  state(key: string): string | undefined;
  setState(key: string, value: string): void;
}
