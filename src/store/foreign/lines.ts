import { parseObject } from "../../core/json.ts";
import type { ExportRow } from "../export.ts";
import { keptRow, rowOf, type ForeignRow } from "./rows.ts";

/** A record as a line of an export, without the newline: JSON, the payload as text in it. Erased ones have none. */
export function exportLine({ kind, id, at, digest, payload, learned_at, hidden_at }: ExportRow): string {
  return JSON.stringify({
    kind,
    id,
    at,
    digest: Buffer.from(digest).toString("hex"),
    ...(payload !== null && { payload }),
    learned_at,
    ...(hidden_at !== null && { hidden_at }),
  });
}

/**
 * The row in a JSON text: a line of an export, or a payload by itself, as searches print them. A payload by itself may
 * have been written anew by what printed it, so it replaces nothing.
 */
export function readLine(text: string, where: string): ForeignRow {
  const fields = parseObject(text);
  if (!fields) return { refused: "it is no JSON object", where };
  if (typeof fields.kind === "string" && typeof fields.digest === "string") return exported(fields, where);
  const kind = "content" in fields ? "observation" : "deleted_at" in fields ? "tombstone" : undefined;
  if (!kind) return { refused: "it is neither a record nor a payload", where };
  return rowOf({ kind, id: fields.observation_id, payload: text, where, more: { derived: true } });
}

function exported({ digest, ...fields }: { [key: string]: unknown }, where: string): ForeignRow {
  const isHex = typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest);
  const { kind, id, at, payload, learned_at, hidden_at } = fields;
  const bytes = isHex ? Buffer.from(digest, "hex") : undefined;
  return keptRow({ kind, id, at, digest: bytes, payload, learned_at, hidden_at }, where);
}
