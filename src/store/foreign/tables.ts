import type { Database } from "bun:sqlite";
import { payloadOf } from "../../core/observation.ts";
import { parseTime } from "../../core/time.ts";
import { schemaOf } from "../migrate.ts";
import { keptRow, rowOf, type ForeignRow, type Kept } from "./rows.ts";

/** How one kind of database is read. */
export interface Format {
  /** The table that only this kind has. */
  table: string;
  /** What it is, in words. */
  name: string;
  /** Its version as the database has it, 0 where it has none. */
  version(db: Database): number;
  /** How many rows will be read, or somewhat more. */
  count(db: Database): number;
  rows(db: Database): Iterable<ForeignRow>;
  /** Rows that the program had hidden on this host alone. */
  hidden?(db: Database): Iterable<ForeignRow>;
}

interface Row {
  row: number;
  id: unknown;
  payload: Uint8Array | null;
}

// Payloads are read as bytes: as text, SQLite's client would quietly put a sign for what is no UTF-8.
const bytes = (column: string) => `cast(${column} as blob) as payload`;

/** The raw store of the local backend, since 0.8: payloads as they were saved. */
const raw: Format = {
  table: "local_obs",
  name: "raw store",
  version: (db) => number(db, "select max(version) as n from raw_schema_version"),
  count: (db) => number(db, "select (select count(*) from local_obs) + (select count(*) from local_tomb) as n"),
  *rows(db) {
    for (const { row, id, payload } of read<Row>(db, "rowid as row, observation_id as id", "payload_json", "local_obs"))
      yield rowOf({ kind: "observation", id, payload, where: `local_obs row ${row}` });
    for (const { row, id, payload } of read<Row>(db, "rowid as row, observation_id as id", "tomb_json", "local_tomb"))
      yield rowOf({ kind: "tombstone", id, payload, where: `local_tomb row ${row}` });
  },
};

/** What could not be sent to the mesh: payloads as they were saved. */
const pending: Format = {
  table: "pending_puts",
  name: "queue of pending puts",
  version: () => 0,
  count: (db) => number(db, "select count(*) as n from pending_puts"),
  *rows(db) {
    const columns = "rowid as row, observation_id as id, kind";
    for (const { row, id, kind, payload } of read<Row & { kind: unknown }>(
      db,
      columns,
      "payload_json",
      "pending_puts",
    )) {
      const where = `pending_puts row ${row}`;
      if (kind === "observation" || kind === "tombstone") yield rowOf({ kind, id, payload, where });
      else yield { refused: "it is neither observation nor tombstone", where };
    }
  },
};

interface IndexRow extends Row {
  deleted_at: string | null;
  shadowed_at: string | null;
}

/**
 * The index, of all versions: payloads as the program wrote them anew, tombstones as their time alone. Both follow from
 * records that may be in another file as they were saved.
 */
const index: Format = {
  table: "obs_index",
  name: "index",
  version: (db) => number(db, "select max(version) as n from schema_version"),
  count: (db) => number(db, "select count(payload_json) + count(deleted_at) as n from obs_index"),
  *rows(db) {
    const shown = hasShadows(db) ? "where shadowed_at is null or deleted_at is not null" : "";
    for (const { row, id, payload, deleted_at } of readIndex(db, shown)) {
      const where = `obs_index row ${row}`;
      const isAbsent = payload === null && deleted_at !== null; // a tombstone whose observation never came
      if (!isAbsent) yield rowOf({ kind: "observation", id, payload, where, more: { derived: true } });
      if (deleted_at === null) continue;
      const tombstone = payloadOf({ observation_id: String(id), reason: "", deleted_at });
      yield rowOf({ kind: "tombstone", id, payload: tombstone, where, more: { derived: true } });
    }
  },
  *hidden(db) {
    if (!hasShadows(db)) return;
    const hidden = "where shadowed_at is not null and deleted_at is null";
    for (const { row, id, payload, shadowed_at } of readIndex(db, hidden)) {
      const more = { derived: true, hidden_at: parseTime(String(shadowed_at)) ?? "" } as const;
      yield rowOf({ kind: "observation", id, payload, where: `obs_index row ${row}`, more });
    }
  },
};

function readIndex(db: Database, where: string): Iterable<IndexRow> {
  const shadowed_at = hasShadows(db) ? "shadowed_at" : "null as shadowed_at";
  const columns = `rowid as row, observation_id as id, deleted_at, ${shadowed_at}`;
  return read<IndexRow>(db, columns, "payload_json", `obs_index ${where}`);
}

/** Indexes before 0.2.5 had no shadows. */
function hasShadows(db: Database): boolean {
  return number(db, "select count(*) as n from pragma_table_info('obs_index') where name = 'shadowed_at'") === 1;
}

/** A database of this program, such as the one of another directory: records as they are. */
const own: Format = {
  table: "record",
  name: "database of kioku-mesh",
  version: schemaOf, // throws where it is newer than this build
  count: (db) => number(db, "select count(*) as n from record"),
  *rows(db) {
    const rows = db.query<Kept & { seq: unknown }, []>(
      `select r.*, h.hidden_at from record r left join hidden h on r.kind = 'observation' and h.id = r.id order by seq`,
    );
    for (const { seq, ...told } of rows.iterate()) yield keptRow(told, `record ${seq}`);
  },
};

export const formats: readonly Format[] = [raw, pending, index, own];

function read<T extends Row>(db: Database, columns: string, payload: string, from: string): Iterable<T> {
  return db.query<T, []>(`select ${columns}, ${bytes(payload)} from ${from}`).iterate();
}

function number(db: Database, sql: string): number {
  return Number(db.query<{ n: number | null }, []>(sql).get()?.n ?? 0);
}
