import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { alive, byId, conditionOf, type Filter } from "./filter.ts";
import { schemaVersion } from "./migrate.ts";
import { openReader } from "./reader.ts";

export type Glance = NonNullable<ReturnType<typeof openGlance>>;

/** The columns whose values can be asked for. */
export type Labelled = "project" | "agent_family" | "client_id" | "pc_id" | "session_id";

/** Milliseconds to wait for a lock: who glances does without rather than wait. */
const patience = 25;
/** How many of the newest observations are looked through for what no index holds. */
const newest = 5_000;
/** So many digits of an id leave few enough in the index to look at all of them. */
const narrowPrefix = 3;

/**
 * A look into a database for what has to be quick, may find nothing, and must not leave a trace: nothing is created,
 * migrated or rebuilt, and no lock is waited for. Undefined where there is no database, or one of another schema. Not
 * opened read-only, which would leave SQLite's side files behind. Throws what SQLite throws.
 */
export function openGlance(path: string) {
  if (!existsSync(path)) return undefined;
  const db = new Database(path, { readwrite: true, create: false, strict: true });
  try {
    db.run(`pragma busy_timeout = ${patience}`);
    db.run("pragma query_only = on");
    const { user_version } = db.query<{ user_version: number }, []>("pragma user_version").get()!;
    if (user_version === schemaVersion) return openQuestions(db);
  } catch (error) {
    db.close();
    throw error;
  }
  db.close();
  return undefined;
}

function openQuestions(db: Database) {
  return {
    observation: openReader(db).observation,

    /** As much of the newest observations that pass a filter as is needed to weigh them. */
    heads(filter: Filter, now: string, limit: number): { id: string; importance: number; created_at: string }[] {
      const { sql, parameters } = conditionOf(filter, now);
      return db
        .query<{ id: string; importance: number; created_at: string }, { [name: string]: string | number }>(
          `select o.id, o.importance, o.created_at from observation o where ${sql}
           order by o.created_at desc, o.id desc limit $limit`,
        )
        .all({ ...parameters, limit });
    },

    /** The values that visible observations have in a column, those of the newest first (projects: by name). */
    values(column: Labelled, now: string, limit: number): string[] {
      const sql = column === "project" ? projects : labels(column);
      return db
        .query<{ value: string }, { now: string; limit: number }>(sql)
        .all({ now, limit })
        .map(({ value }) => value);
    },

    /** Visible observations whose ids begin with these digits, each with the text that says what it is. */
    titles(prefix: string, now: string, limit: number): { id: string; title: string }[] {
      return db
        .query<{ id: string; title: string }, { from: string; to: string; now: string; limit: number }>(
          titles(prefix.length < narrowPrefix ? byTime : inOrder),
        )
        .all({ from: prefix, to: `${prefix}g`, now, limit });
    },

    close: () => db.close(),
  };
}

/** From each project to the next one in the index, instead of through all rows. */
const projects = `with recursive p(value) as (
    select min(project) from observation
    union all
    select (select min(project) from observation where project > p.value) from p where p.value is not null
  )
  select value from p
  where value <> '' and exists (select 1 from observation o where o.project = p.value and ${alive("o")})
  limit $limit`;

const labels = (column: Labelled) => `select value from (
    select o.${column} as value, o.created_at from observation o where ${alive("o")}
    order by o.created_at desc limit ${newest}
  )
  where value <> '' group by value order by max(created_at) desc limit $limit`;

const inOrder = `select o.id, o.seq from ${byId("r", "o")} where r.id >= $from and r.id < $to and ${alive("o")}
  order by r.id limit $limit`;

const byTime = `select id, seq from (
    select o.id, o.seq from observation o where ${alive("o")} order by o.created_at desc limit ${newest}
  )
  where id >= $from and id < $to limit $limit`;

const titles = (rows: string) => `select o.id, coalesce(nullif(r.payload ->> '$.subject', ''),
    nullif(r.payload ->> '$.summary', ''), substr(r.payload ->> '$.content', 1, 200)) as title
  from (${rows}) o cross join record r on r.seq = o.seq`;
