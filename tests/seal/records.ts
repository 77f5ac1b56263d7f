import { digestOf, type Record } from "../../src/core/record.ts";
import { deriveKeys } from "../../src/seal/keys.ts";

export const keys = deriveKeys(new Uint8Array(32).fill(1));
export const foreignKeys = deriveKeys(new Uint8Array(32).fill(2));

export const observation = recordOf(
  "observation",
  `{"content": "the staging database is read-only 読み取り専用", "project": "billing", "pc_id": "atlas", "tags": ["db"]}`,
);
export const tombstone = recordOf("tombstone", `{"observation_id": "${"0a".repeat(16)}", "reason": "wrong"}`);
export const erasure = recordOf("erasure", `{"observation_id": "${"0a".repeat(16)}"}`);
export const erased: Record = { ...observation, payload: null };
export const unknown = { ...recordOf("covenant-ü", `\ufeff{"of": "a later version"`), at: "" };
export const everyForm = { observation, tombstone, erasure, erased, unknown };

export function recordOf(kind: string, payload: string): Record {
  return { kind, id: "0a".repeat(16), digest: digestOf(payload), at: "2026-01-02T03:04:05.678900Z", payload };
}
