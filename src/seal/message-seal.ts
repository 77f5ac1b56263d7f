import { hkdfSync, randomBytes } from "node:crypto";
import { decrypt, encrypt, nonceLength, tagLength, type OpenFailure, type Sealing } from "./aead.ts";
import type { MeshKeys, Random } from "./keys.ts";

/** What a message is bound to. It opens only for a receiver that expects exactly the same of it. */
export interface MessageBinding {
  /** What kind of message it is, so that none can pass as one of another kind. */
  purpose: string;
  /** The sender, by the id it has in this run. */
  from: string;
  /** The receiver, or "" for every peer. */
  to: string;
  /**
   * What it answers, empty where it answers nothing. An answer has here the whole sealed question, as sent and as
   * received. Each question is sealed with a fresh salt, so its bytes are a challenge that the asker chose: an answer to
   * any other question, of yesterday, of another peer, about another range, does not open. So nobody can make an asker
   * believe "we are equal" but the peer he asked, now.
   *
   * What has no context can be replayed. It may start work (a notice says that sets differ, a question asks for
   * records, a record arrives once more) but must never end it: whether sets are equal, only an answer says.
   */
  context: Uint8Array;
}

const version = 1;
const saltLength = 16;
const keyLength = 32;

/**
 * Seals a message between replicators, freshly: the same message gives other bytes each time.
 *
 *     salt      = 16 random bytes
 *     key nonce = 32 and 12 bytes of HKDF-SHA-256(message key, salt, "kioku-mesh message v1")
 *     ad        = purpose, from, to, context, each after its length (4 bytes, big-endian)
 *     bytes     = 01, salt, AES-256-GCM(key, nonce, ad, plaintext)
 *
 * A key for each message, from a salt (as in RFC 8188), because all peers share the mesh key and count nothing: with
 * random 12-byte nonces under one key 2^32 messages would be the limit; this way 2^48 have a chance of 2^-33 to repeat.
 */
export function sealMessage(
  keys: Pick<MeshKeys, "message">,
  binding: MessageBinding,
  plaintext: Uint8Array,
  random: Random = randomBytes,
): Uint8Array {
  const salt = random(saltLength);
  return Buffer.concat([Uint8Array.of(version), salt, encrypt(sealingOf(keys, binding, salt), plaintext)]);
}

/** The plaintext of a message that was sealed with this binding. Input may be anything; a failure is returned. */
export function openMessage(
  keys: Pick<MeshKeys, "message">,
  binding: MessageBinding,
  bytes: Uint8Array,
): Uint8Array | OpenFailure {
  if (bytes[0] !== version) return bytes.length === 0 ? "notAuthentic" : "unknownVersion";
  if (bytes.length < 1 + saltLength + tagLength) return "notAuthentic";
  const salt = bytes.subarray(1, 1 + saltLength);
  return decrypt(sealingOf(keys, binding, salt), bytes.subarray(1 + saltLength)) ?? "notAuthentic";
}

function sealingOf(keys: Pick<MeshKeys, "message">, binding: MessageBinding, salt: Uint8Array): Sealing {
  const info = `kioku-mesh message v${version}`;
  const derived = Buffer.from(hkdfSync("sha256", keys.message, salt, info, keyLength + nonceLength));
  const parts = [binding.purpose, binding.from, binding.to, binding.context].map((part) => Buffer.from(part));
  const associatedData = Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]));
  return { key: derived.subarray(0, keyLength), nonce: derived.subarray(keyLength), associatedData };
}

function lengthOf(part: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(part.length);
  return bytes;
}
