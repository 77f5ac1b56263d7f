import { createHmac } from "node:crypto";
import type { MeshKeys } from "./keys.ts";

/** The key space of a sealed mesh's records, without a slash at the end. A router's storage covers it and `/**`. */
export function recordSpace(meshId: string): string {
  return `kioku/${meshId}/record`;
}

/**
 * The key expression under which a record travels and is stored: its mesh's record space and 32 hex digits of
 * HMAC-SHA-256 over the record's element (`elementOf` of `core/record.ts`: kind, id and digest). Whoever lacks the mesh
 * key cannot tell from it what it names, nor find the name of a record he knows. An erased record keeps its name, so
 * the erased form takes the place of the content in every storage.
 */
export function wireName(keys: Pick<MeshKeys, "meshId" | "recordName">, element: Uint8Array): string {
  const hash = createHmac("sha256", keys.recordName).update(element).digest();
  return `${recordSpace(keys.meshId)}/${hash.toString("hex", 0, 16)}`;
}
