import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { payloadOf, type Observation } from "../../src/core/observation.ts";
import { idOf } from "../store/records.ts";

/** The versions of the index: 1 until 0.2.4, 2 until 0.6, 3 in 0.7 to 1.0, 4 in 1.1 and 1.2, 5 after it. */
export const indexVersions = [1, 2, 3, 4, 5] as const;
export type IndexVersion = (typeof indexVersions)[number];

/** A row of the index. Its columns beside are made from the payload where it has them. */
export interface IndexRow {
  id: string;
  payload: string | Uint8Array | null;
  deleted_at?: string;
  shadowed_at?: string;
}

/** A payload as version 0.3 writes it, with Japanese text; fields may be added in front, as unknown ones are. */
export function payload(name: string, fields: { [field: string]: unknown } = {}): string {
  const { visibility: _, scope_id: __, expires_at: ___, ...known } = observation(name);
  return payloadOf({ ...fields, ...known, ...fields } as unknown as Observation);
}

function observation(name: string): Observation {
  return {
    content: `${name}: 再試行にはゆらぎが要る。Retries need jitter.`,
    agent_family: "claude",
    client_id: "me@atlas",
    pc_id: idOf("atlas"),
    session_id: "20260102T030405Z-1a2b3c4d",
    project: "デモ",
    tags: ["a", "b"],
    observation_id: idOf(name),
    created_at: "2026-01-02T03:04:05.678901Z",
    memory_type: "decision",
    importance: 4,
    subject: name,
    summary: "要約",
    source_files: [],
    references: ["#1"],
    supersedes: [],
    visibility: "mesh",
    scope_id: "",
    expires_at: "",
  };
}

export const tombstonePayload = (name: string, reason = "", deleted_at = "2026-02-01T00:00:00.123456Z"): string =>
  payloadOf({ observation_id: idOf(name), reason, deleted_at });

/** Makes a database with the program's pragmas, fills it, and closes it. */
export function database(path: string, schema: string, fill: (db: Database) => void): string {
  const db = openDatabase(path, schema);
  fill(db);
  db.close();
  return path;
}

/** The same, still open, as a running program has it. */
export function openDatabase(path: string, schema: string): Database {
  mkdirSync(dirname(path), { recursive: true });
  const db = new Database(path, { create: true, strict: true });
  db.run("pragma journal_mode = wal");
  db.run("pragma synchronous = normal");
  db.run(schema);
  return db;
}

/** The tables of an index, by version. */
export function indexSchema(version: IndexVersion): string {
  const columns = [
    "observation_id text primary key",
    ...["project", "created_at", "memory_type"].map((name) => `${name} text`),
    "importance integer",
    ...["subject", "summary", "payload_json", "deleted_at"].map((name) => `${name} text`),
    ...(version >= 2 ? ["shadowed_at text"] : []),
    ...(version >= 3 ? ["superseded_by text"] : []),
    ...(version >= 4 ? ["expires_at text"] : []),
  ];
  return `
    create table schema_version (version integer primary key);
    insert into schema_version values (${version});
    create table obs_index (${columns.join(", ")});
    create index idx_project_created on obs_index (project, created_at desc);
    ${version >= 3 ? "create virtual table obs_fts using fts5 (observation_id unindexed, content, subject, summary, tags, project, tokenize = 'trigram');" : ""}
    ${version >= 5 ? "create table index_alignment_state (id integer primary key check (id = 1), last_failure_at text); insert into index_alignment_state (id) values (1);" : ""}
  `;
}

export function fillIndex(db: Database, rows: readonly IndexRow[]): void {
  const isShadowing =
    db.query("select 1 from pragma_table_info('obs_index') where name = 'shadowed_at'").get() !== null;
  for (const { id, payload: json, deleted_at = null, shadowed_at = null } of rows) {
    if (isShadowing) {
      db.query("insert into obs_index (observation_id, payload_json, deleted_at, shadowed_at) values (?, ?, ?, ?)").run(
        id,
        json,
        deleted_at,
        shadowed_at,
      );
    } else {
      db.query("insert into obs_index (observation_id, payload_json, deleted_at) values (?, ?, ?)").run(
        id,
        json,
        deleted_at,
      );
    }
  }
}

export const index = (path: string, version: IndexVersion, rows: readonly IndexRow[]): string =>
  database(path, indexSchema(version), (db) => fillIndex(db, rows));

const rawSchema = `
  create table raw_schema_version (version integer primary key);
  insert into raw_schema_version values (1);
  create table migration_meta (key text primary key, value text not null);
  create table local_obs (observation_id text primary key, payload_json text not null, created_at text);
  create table local_tomb (observation_id text primary key, tomb_json text not null, deleted_at text);
`;

interface RawRows {
  observations?: readonly { id: string; payload: string }[];
  tombstones?: readonly { id: string; payload: string }[];
}

export function raw(path: string, { observations = [], tombstones = [] }: RawRows): string {
  return database(path, rawSchema, (db) => {
    for (const { id, payload: json } of observations) db.query("insert into local_obs values (?, ?, '')").run(id, json);
    for (const { id, payload: json } of tombstones) db.query("insert into local_tomb values (?, ?, '')").run(id, json);
  });
}

const pendingSchema = `
  create table pending_puts (key_expr text primary key, kind text not null, observation_id text not null,
    payload_json text not null, queued_at text not null);
`;

export function pending(path: string, rows: readonly { kind: string; id: string; payload: string }[]): string {
  return database(path, pendingSchema, (db) => {
    for (const { kind, id, payload: json } of rows) {
      const key = `mem/mesh/${kind === "tombstone" ? "tomb" : "obs"}/claude/me@atlas/${idOf("atlas")}/s/${id}`;
      db.query("insert into pending_puts values (?, ?, ?, ?, '2026-03-01T00:00:00.000000Z')").run(key, kind, id, json);
    }
  });
}
