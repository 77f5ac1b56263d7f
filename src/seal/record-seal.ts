import { createHmac } from "node:crypto";
import { elementOf, type Record } from "../core/record.ts";
import { decrypt, encrypt, nonceLength, tagLength, type OpenFailure } from "./aead.ts";
import { decodeRecord, encodeRecord } from "./envelope.ts";
import type { MeshKeys } from "./keys.ts";
import { wireName } from "./name.ts";

/** A record as it leaves the process: ciphertext under a name that means nothing to whoever lacks the mesh key. */
export interface SealedRecord {
  name: string;
  bytes: Uint8Array;
}

const version = 1;

/**
 * Seals a record. The same record gives the same bytes on every host, at any time:
 *
 *     name  = wireName(record)
 *     ad    = "kioku-mesh record v1" 00 name
 *     nonce = first 12 bytes of HMAC-SHA-256(recordNonce, ad 00 envelope)
 *     bytes = 01, nonce, AES-256-GCM(recordSeal, nonce, ad, envelope)
 *
 * This is the SIV construction (Rogaway and Shrimpton, "Deterministic Authenticated-Encryption", 2006): the nonce is a
 * pseudorandom function of everything that is encrypted or authenticated. A nonce therefore comes again only with the
 * same record, where the bytes are the same too and tell nothing new, or by chance: among 2^32 records with less than
 * 2^-32, the bound that NIST SP 800-38D sets for random nonces. It takes no random numbers, so neither a bad source of
 * them nor a cloned machine can repeat a nonce. What it gives away is whether two sealed records are the same one.
 */
export function sealRecord(keys: MeshKeys, record: Record): SealedRecord {
  const name = wireName(keys, elementOf(record));
  const associatedData = associatedDataOf(name);
  const envelope = encodeRecord(record);
  const nonce = nonceOf(keys, associatedData, envelope);
  const ciphertext = encrypt({ key: keys.recordSeal, nonce, associatedData }, envelope);
  return { name, bytes: Buffer.concat([Uint8Array.of(version), nonce, ciphertext]) };
}

/**
 * Opens what was received or read under a name, and takes only what `sealRecord` gives for that name: besides the tag
 * it checks that the nonce belongs to the content, the name to the record, and the digest to the payload. Input may be
 * anything; a failure is returned, never thrown. A record of an unknown kind or with a payload that nobody can read
 * opens like any other.
 */
export function openRecord(keys: MeshKeys, { name, bytes }: SealedRecord): Record | OpenFailure {
  if (bytes[0] !== version) return bytes.length === 0 ? "notAuthentic" : "unknownVersion";
  if (bytes.length < 1 + nonceLength + tagLength) return "notAuthentic";
  const nonce = bytes.subarray(1, 1 + nonceLength);
  const associatedData = associatedDataOf(name);
  const envelope = decrypt({ key: keys.recordSeal, nonce, associatedData }, bytes.subarray(1 + nonceLength));
  if (!envelope) return "notAuthentic";
  if (!nonceOf(keys, associatedData, envelope).equals(nonce)) return "malformed";
  const record = decodeRecord(envelope);
  return record && wireName(keys, elementOf(record)) === name ? record : "malformed";
}

function associatedDataOf(name: string): Buffer {
  return Buffer.from(`kioku-mesh record v${version}\0${name}`);
}

function nonceOf(keys: MeshKeys, associatedData: Uint8Array, envelope: Uint8Array): Buffer {
  const hmac = createHmac("sha256", keys.recordNonce).update(associatedData).update("\0").update(envelope);
  return hmac.digest().subarray(0, nonceLength);
}
