import { parseObject } from "../core/json.ts";
import { digestOf, isId, recordKinds, type Record } from "../core/record.ts";
import { parseTime } from "../core/time.ts";
import type { Row, Value } from "./pages.ts";
import { recordOf } from "./store.ts";

/** A row of the log as it was found. */
export interface Salvaged extends Record {
  seq: number;
  learned_at: string;
  received: boolean;
}

/** What damaged pages still hold of the log, in its order. */
export interface Salvage {
  records: Salvaged[];
  /** Records whose payload is not what was saved: its digest says so. None of them is among `records`. */
  doubtful: Salvaged[];
}

/**
 * Finds the log among all rows that can be read. A payload proves itself by its digest, and the rules of the set hold for
 * what is left of it as for the whole, so old copies of a row do no harm. A copy without content goes before one with it:
 * something ordered it erased.
 */
export function salvage(rows: Iterable<Row>): Salvage {
  const sound = new Map<string, Salvaged>();
  const doubtful = new Map<string, Salvaged>();
  for (const row of rows) {
    const record = recordIn(row);
    if (!record) continue;
    const key = `${record.kind} ${record.id} ${Buffer.from(record.digest).toString("hex")}`;
    if (!isWhole(record)) doubtful.set(key, record);
    else if (sound.get(key)?.payload !== null) sound.set(key, record);
  }
  const known = new Set([...sound.values()].map(({ kind, id }) => `${kind} ${id}`));
  const inOrder = (some: Iterable<Salvaged>) => [...some].toSorted((a, b) => a.seq - b.seq);
  return {
    records: inOrder(sound.values()),
    doubtful: inOrder([...doubtful.values()].filter(({ kind, id }) => !known.has(`${kind} ${id}`))),
  };
}

function isWhole({ payload, digest }: Record): boolean {
  return payload === null || Buffer.compare(digestOf(payload), digest) === 0;
}

/** The record in a row of any table; undefined where its columns are not those of the log. */
function recordIn({ rowid, values }: Row): Salvaged | undefined {
  const [seq, kind, id, digest, at, payload, learned_at, received] = values;
  if (values.length < 8 || seq !== null || !isText(kind) || !isText(id) || !isText(at) || !isText(learned_at)) return;
  if (!isBlob(digest) || digest.blob.length !== 32 || (payload !== null && !isText(payload))) return;
  const record: Record = {
    kind: kind.text,
    id: id.text,
    digest: Uint8Array.from(digest.blob),
    at: parseTime(at.text) ?? "",
    payload: payload?.text ?? null,
  };
  return {
    ...(isWhole(record) ? mended(record) : record),
    seq: rowid,
    learned_at: parseTime(learned_at.text) ?? "",
    received: received === 1,
  };
}

/**
 * What the payload says of its record goes before columns that no digest covers: its id, its time, and a kind in which one
 * letter is wrong.
 */
function mended(record: Record): Record {
  const kind = recordKinds.find((known) => isNearly(record.kind, known));
  if (record.payload === null || !kind) return record;
  const named = parseObject(record.payload)?.observation_id;
  return recordOf(kind, typeof named === "string" && isId(named) ? named : record.id, record.payload);
}

function isNearly(text: string, known: string): boolean {
  return text.length === known.length && [...text].filter((letter, i) => letter !== known[i]).length <= 1;
}

function isText(value: Value | undefined): value is { text: string } {
  return value !== null && typeof value === "object" && "text" in value;
}

function isBlob(value: Value | undefined): value is { blob: Uint8Array } {
  return value !== null && typeof value === "object" && "blob" in value;
}
