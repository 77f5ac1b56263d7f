/**
 * A record is what the log holds and the mesh carries: immutable, identified by kind and id. Kinds this build does not
 * know are kept and passed on unread.
 */
export interface Record {
  kind: string;
  /** 32 lowercase hex digits: the observation's id, also on the tombstone and the erasure that concern it. */
  id: string;
  /** SHA-256 of the payload as first saved. It stays when the payload is erased, so that equal sets remain equal. */
  digest: Uint8Array;
  /** The record's own time (six fractional digits, UTC), or "" where the payload has no valid one. */
  at: string;
  /** The bytes as saved (UTF-8 JSON text), never re-serialised. Null once erased. */
  payload: string | null;
}

export const recordKinds = ["observation", "tombstone", "erasure"] as const;
export type RecordKind = (typeof recordKinds)[number];

/** The field of each kind's payload that holds the record's own time. */
export const timeFields: { [kind in RecordKind]: string } = {
  observation: "created_at",
  tombstone: "deleted_at",
  erasure: "erased_at",
};

/**
 * Bytes that a payload has at most: an observation of the largest size written in escapes has half of it, a message between
 * hosts has room for it. What came here by other ways and is longer would keep all others from travelling.
 */
export const longestPayload = 14 * 1024 * 1024;

/** Whether a payload, as text or in its bytes, is longer than one may be. */
export function isTooLong(payload: string | Uint8Array): boolean {
  return Buffer.byteLength(payload) > longestPayload; // a text can have thrice as many bytes as it has characters
}

/** What is said of one that is, wherever it is met. */
export const tooLong = `its payload is longer than ${longestPayload} bytes`;

/** SHA-256 of a payload: 32 bytes. */
export function digestOf(payload: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(payload).digest() as unknown as Uint8Array;
}

/** The member that stands for a record in set reconciliation: SHA-256 over kind, id and digest, 32 bytes. */
export function elementOf({ kind, id, digest }: Pick<Record, "kind" | "id" | "digest">): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(`${kind}\0${id}\0`).update(digest).digest() as unknown as Uint8Array;
}

/**
 * Of two payloads that claim one identity every host must keep the same: the earlier by its own time, then the smaller
 * digest. Digests stand in for the bytes because an erased payload has none left to compare.
 */
export function isPreferred(a: Pick<Record, "at" | "digest">, over: Pick<Record, "at" | "digest">): boolean {
  if (a.at !== over.at) return a.at !== "" && (over.at === "" || a.at < over.at); // an invalid time sorts last
  return Buffer.compare(a.digest, over.digest) < 0;
}

/** True for a full observation id: 32 lowercase hex digits. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}
