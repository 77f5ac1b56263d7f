import { parseObject } from "../../core/json.ts";
import { digestOf, isId, type Record } from "../../core/record.ts";
import { parseTime } from "../../core/time.ts";
import type { ExportRow } from "../export.ts";
import { rowOf, type ForeignRow } from "./rows.ts";

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

type Fields = { [key: string]: unknown };

function exported(fields: Fields, where: string): ForeignRow {
  const record = recordIn(fields);
  if (typeof record === "string") return { refused: record, where };
  const [learned_at, hidden_at] = [timeIn(fields.learned_at), timeIn(fields.hidden_at)];
  return { record, ...(learned_at && { learned_at }), ...(hidden_at && { hidden_at }) };
}

/** The record of an export's line, or what is wrong with it. All that was exported is taken, by the rules of core/record.ts. */
function recordIn({ kind, id, at, digest, payload = null }: Fields): Record | string {
  if (typeof kind !== "string" || kind === "" || Buffer.byteLength(kind) > 255) return "its kind is no word";
  if (typeof id !== "string" || !isId(id)) return "its id is not 32 lowercase hex digits";
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return "its digest is not 64 lowercase hex digits";
  if (payload !== null && typeof payload !== "string") return "its payload is no text";
  const record = { kind, id, digest: Buffer.from(digest, "hex"), at: timeIn(at) ?? "", payload };
  const isSound = payload === null || Buffer.compare(digestOf(payload), record.digest) === 0;
  return isSound ? record : "its payload is not what was exported";
}

/** A time in canonical form, undefined where it is in none or another. */
function timeIn(value: unknown): string | undefined {
  return typeof value === "string" && parseTime(value) === value ? value : undefined;
}
