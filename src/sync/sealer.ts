import type { Record } from "../core/record.ts";
import type { PeerId } from "./mesh.ts";

/** A record as it travels: bytes under a name. In a sealed mesh both mean nothing to whoever lacks the mesh key. */
export interface SealedRecord {
  name: string;
  bytes: Uint8Array;
}

/** What a message between replicators is bound to: it opens only for a receiver that expects exactly the same. */
export interface MessageBinding {
  purpose: "question" | "answer" | "announcement";
  from: PeerId;
  /** "" for every peer. */
  to: PeerId | "";
  /** The whole sealed question that an answer answers; empty otherwise. */
  context: Uint8Array;
}

/**
 * How records and messages leave the process. A sealed mesh encrypts and authenticates both; an open one writes them
 * plain. Opening takes anything: it gives a word for why it refuses, and never throws.
 */
export interface Sealer {
  /**
   * In a sealed mesh the same record gives the same name and bytes on every host, and an erased one keeps its name. In an
   * open one neither holds: what a host knows of the author is part of the name.
   */
  seal(record: Record): SealedRecord;
  /** The record, its digest that of its payload, or the reason why there is none. */
  open(sealed: SealedRecord): Record | string;
  sealMessage(binding: MessageBinding, message: Uint8Array): Uint8Array;
  /** The message, or the reason why there is none. */
  openMessage(binding: MessageBinding, sealed: Uint8Array): Uint8Array | string;
  /** The record that a deletion in the storage stands for. Only in an open mesh, where the Python original deletes. */
  deletion?(expression: string): Record | undefined;
}
