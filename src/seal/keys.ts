import { createSecretKey, hkdfSync, randomBytes, type KeyObject } from "node:crypto";

/** Gives that many random bytes. The default everywhere is the operating system's; tests inject a fixed source. */
export type Random = (size: number) => Uint8Array;

/**
 * Everything that follows from one mesh key, each key for one purpose. The keys are KeyObjects so that a log line, an
 * error or a JSON text that happens to hold this value shows none of them.
 */
export interface MeshKeys {
  /** Names the mesh: 32 hex digits. Public: it stands in key expressions and certificates, and reveals no key. */
  meshId: string;
  /** AES-256 key of sealed records. */
  recordSeal: KeyObject;
  /** HMAC key that makes a record's nonce from its content. */
  recordNonce: KeyObject;
  /** HMAC key that makes the name a record has on the wire. */
  recordName: KeyObject;
  /** HKDF input of the one-time keys of messages between replicators. */
  message: KeyObject;
  /** 48 bytes that become the private key of the mesh's certificate authority. */
  authority: KeyObject;
}

export const meshKeyLength = 32;

/** A new mesh key: the one secret of a mesh. */
export function newMeshKey(random: Random = randomBytes): Uint8Array {
  return random(meshKeyLength);
}

/**
 * Derives a mesh's keys by HKDF-SHA-256 (RFC 5869). The salt is the product's name, the info text tells purpose and
 * version apart; no derived value says anything about another or about the mesh key. Throws a RangeError where the mesh
 * key is not 32 bytes.
 */
export function deriveKeys(meshKey: Uint8Array): MeshKeys {
  if (meshKey.length !== meshKeyLength) throw new RangeError(`a mesh key has ${meshKeyLength} bytes`);
  const derive = (info: string, size: number) => Buffer.from(hkdfSync("sha256", meshKey, "kioku-mesh", info, size));
  const secret = (info: string, size = 32) => createSecretKey(derive(info, size));
  return {
    meshId: derive("mesh id v1", 16).toString("hex"),
    recordSeal: secret("record seal v1"),
    recordNonce: secret("record nonce v1"),
    recordName: secret("record name v1"),
    message: secret("message v1"),
    authority: secret("certificate authority v1", 48), // 16 more than the curve's order: the remainder is unbiased
  };
}
