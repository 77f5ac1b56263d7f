import { parseObject } from "../../core/json.ts";
import { isId, type RecordKind } from "../../core/record.ts";
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
  const text = typeof payload === "string" ? payload : decoded(payload);
  if (text === undefined) return { refused: "its payload is no valid UTF-8", where };
  const fields = parseObject(text);
  const claimed = fields?.observation_id;
  if (claimed !== undefined && claimed !== id) return { refused: `its payload is of another id than ${id}`, where };
  return { record: recordOf(kind, id, text, fields), ...more };
}

/** The text of bytes of UTF-8, undefined where they are none. */
export function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined; // told by the return value
  }
}
