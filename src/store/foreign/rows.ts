import { parseObject } from "../../core/json.ts";
import { digestOf, isId, isTooLong, tooLong, type Record, type RecordKind } from "../../core/record.ts";
import { parseTime } from "../../core/time.ts";
import type { Incoming } from "../adopt.ts";
import { recordOf } from "../store.ts";

/** What is no record, and why. */
export interface Refused {
  refused: string;
  /** Its place in the file. */
  where: string;
}

export type ForeignRow = Incoming | Refused;

/** A record as a foreign row has it. The payload is its bytes, or text whose bytes are known to be whole. */
interface Told {
  kind: RecordKind;
  id: unknown;
  payload: Uint8Array | string | null;
  where: string;
  /** What is known of it beside. */
  more?: Omit<Incoming, "record">;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The record in a row. The payload is kept as it is, also where it cannot be read: it may be of a later version. What has
 * no place in the set is refused: a row without an id or payload, bytes that are no text, a payload of another record.
 */
export function rowOf({ kind, id, payload, where, more }: Told): ForeignRow {
  if (typeof id !== "string" || !isId(id)) return { refused: "its id is not 32 lowercase hex digits", where };
  if (payload === null || payload.length === 0) return { refused: "it has no payload", where };
  if (isTooLong(payload)) return { refused: tooLong, where };
  const text = typeof payload === "string" ? payload : decoded(payload);
  if (text === undefined) return { refused: "its payload is no valid UTF-8", where };
  const fields = parseObject(text);
  const claimed = fields?.observation_id;
  if (claimed !== undefined && claimed !== id) return { refused: `its payload is of another id than ${id}`, where };
  return { record: recordOf(kind, id, text, fields), fields, ...more };
}

/** A record as a database of ours or an export has it, and what else is known of it: whatever stands there. */
export interface Kept {
  kind: unknown;
  id: unknown;
  at: unknown;
  digest: unknown;
  payload?: unknown;
  learned_at?: unknown;
  hidden_at?: unknown;
}

/** The row for it. All that keeps the rules of core/record.ts is taken. */
export function keptRow({ learned_at, hidden_at, ...told }: Kept, where: string): ForeignRow {
  const record = recordIn(told);
  if (typeof record === "string") return { refused: record, where };
  const [learned, hidden] = [timeIn(learned_at), timeIn(hidden_at)];
  return { record, ...(learned && { learned_at: learned }), ...(hidden && { hidden_at: hidden }) };
}

/** The record, or what is wrong with it. */
function recordIn({ kind, id, at, digest, payload = null }: Kept): Record | string {
  if (typeof kind !== "string" || kind === "" || Buffer.byteLength(kind) > 255) return "its kind is no word";
  if (typeof id !== "string" || !isId(id)) return "its id is not 32 lowercase hex digits";
  if (!(digest instanceof Uint8Array) || digest.length !== 32) return "its digest is not of 32 bytes";
  if (payload !== null && typeof payload !== "string") return "its payload is no text";
  if (payload !== null && isTooLong(payload)) return tooLong;
  const record = { kind, id, digest, at: timeIn(at) ?? "", payload };
  const isSound = payload === null || Buffer.compare(digestOf(payload), digest) === 0;
  return isSound ? record : "its payload is not what was saved";
}

/** A time in canonical form, undefined where it is in none or another. */
function timeIn(value: unknown): string | undefined {
  return typeof value === "string" && parseTime(value) === value ? value : undefined;
}

/** The text of bytes of UTF-8, undefined where they are none. */
export function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined; // told by the return value
  }
}
