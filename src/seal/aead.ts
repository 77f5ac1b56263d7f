import { createCipheriv, createDecipheriv, type CipherKey } from "node:crypto";

/**
 * Why something sealed was not opened. Only `notAuthentic` may be an attack; all are dropped and counted.
 * - `unknownVersion`: sealed by a build that knows another form, or not sealed at all.
 * - `notAuthentic`: changed, cut, moved to another name or context, of another mesh, or made without the key.
 * - `malformed`: made with the mesh key, but not what this version's sealing makes.
 */
export type OpenFailure = "unknownVersion" | "notAuthentic" | "malformed";

export const nonceLength = 12;
export const tagLength = 16;

export interface Sealing {
  key: CipherKey;
  nonce: Uint8Array;
  /** Authenticated, not transmitted: both sides know it. */
  associatedData: Uint8Array;
}

/** AES-256-GCM (NIST SP 800-38D): the ciphertext, and the 16-byte tag after it. */
export function encrypt({ key, nonce, associatedData }: Sealing, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength }).setAAD(associatedData);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Undoes `encrypt`, undefined where anything differs from what was encrypted. */
export function decrypt({ key, nonce, associatedData }: Sealing, ciphertext: Uint8Array): Buffer | undefined {
  if (ciphertext.length < tagLength) return undefined;
  const end = ciphertext.length - tagLength;
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength })
    .setAAD(associatedData)
    .setAuthTag(ciphertext.subarray(end));
  const plaintext = decipher.update(ciphertext.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return undefined; // final throws for a wrong tag and for nothing else: an expected outcome of hostile input
  }
  return plaintext;
}
