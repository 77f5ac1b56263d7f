import type { Database } from "bun:sqlite";
import { isPreferred, type Record } from "../core/record.ts";
import type { openProjection } from "./projection.ts";

/** What became of an arrived record: new here, already here, or in the place of a later claim to the same identity. */
export type Outcome = "inserted" | "present" | "replaced";

export interface LogRow extends Record {
  seq: number;
  learned_at: string;
}

/** The log and what it does to the projections. Callers hold a write transaction. */
export function openLog(db: Database, projection: ReturnType<typeof openProjection>) {
  const find = db.query<LogRow, [string, string]>("select * from record where kind = ? and id = ?");
  const insert = db.query(
    "insert into record (kind, id, digest, at, payload, learned_at) values ($kind, $id, $digest, $at, $payload, $learned_at)",
  );
  const remove = db.query("delete from record where seq = ?");
  const erase = db.query(
    "update record set payload = null where id = ? and kind in ('observation', 'tombstone') and payload is not null",
  );

  function get(kind: string, id: string): LogRow | undefined {
    return find.get(kind, id) ?? undefined;
  }

  /** Adds one record by the rules of the set: the identity's preferred payload stays, erased content never returns. */
  function append(record: Record, learned_at: string): Outcome {
    const known = get(record.kind, record.id);
    if (known && !isPreferred(record, known)) {
      // The same record with its content, where only the digest was known and nothing ordered it erased.
      const revives = known.payload === null && record.payload !== null && !get("erasure", record.id);
      if (!revives || Buffer.compare(known.digest, record.digest) !== 0) return "present";
    }
    projection.withdraw(record.id);
    if (known) remove.run(known.seq);
    const erased = record.kind !== "erasure" && get("erasure", record.id) !== undefined;
    insert.run({ ...record, payload: erased && isContent(record.kind) ? null : record.payload, learned_at });
    if (record.kind === "erasure") erase.run(record.id);
    projection.project(record.id);
    return known ? "replaced" : "inserted";
  }

  return { get, append };
}

/** The kinds whose payload an erasure destroys. */
function isContent(kind: string): boolean {
  return kind === "observation" || kind === "tombstone";
}
