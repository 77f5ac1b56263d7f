import type { Database } from "bun:sqlite";
import { readObservation, type Observation } from "../core/observation.ts";
import { alive, byId, conditionOf, superseded, type Filter } from "./filter.ts";

export type ObservationState = "live" | "tombstoned" | "shadowed" | "superseded" | "expired";

/** An observation as it is here: what it says, the bytes it came in, and what has become of it. */
export interface Found {
  observation: Observation;
  payload: string;
  state: ObservationState;
  deleted_at: string | null;
}

interface Row {
  id: string;
  payload: string;
  state: ObservationState;
  deleted_at: string | null;
}

/** A place in the order newest first: the next page begins strictly below it. */
export interface Cursor {
  created_at: string;
  id: string;
}

export interface Counts {
  live: number;
  tombstoned: number;
  shadowed: number;
}

/** What has become of an observation `o`, its deletion first. */
export const stateOf = `case when o.deleted_at is not null then 'tombstoned' when o.hidden_at is not null then 'shadowed'
  when ${superseded("o")} then 'superseded' when not (${alive("o")}) then 'expired' else 'live' end`;
const columns = `o.id, r.payload, o.deleted_at, ${stateOf} as state`;

/** The questions that can be asked of the store. `now` (canonical time) decides what has expired. */
export function openReader(db: Database) {
  function rows(sql: string, parameters: { [name: string]: string | number }): Found[] {
    return db.query<Row, { [name: string]: string | number }>(sql).all(parameters).map(found);
  }

  return {
    /** One observation, whatever has become of it; undefined where its content is not here. */
    observation(id: string, now: string): Found | undefined {
      return rows(`select ${columns} from ${byId("r", "o")} where r.id = $id`, {
        id,
        now,
      })[0];
    },

    /** Ids of observations that begin with these hex digits, at most two: enough to know that a prefix is unique. */
    idsWithPrefix(prefix: string): string[] {
      return db
        .query<{ id: string }, { from: string; to: string }>(
          `select r.id from ${byId("r", "o")} where r.id >= $from and r.id < $to order by r.id limit 2`,
        )
        .all({ from: prefix, to: `${prefix}g` })
        .map((row) => row.id);
    },

    /** Observations that pass the filter, newest first. */
    list(filter: Filter, now: string, limit: number, after?: Cursor): Found[] {
      const { sql, parameters } = conditionOf(filter, now);
      const page = after ? "and (o.created_at, o.id) < ($after_created_at, $after_id)" : "";
      // + 0: of a limit that it sees to be one, SQLite's planner would rather sort everything than follow the index.
      return rows(
        `select ${columns} from observation o cross join record r on r.seq = o.seq where ${sql} ${page}
         order by o.created_at desc, o.id desc limit $limit + 0`,
        {
          ...parameters,
          limit,
          ...(after && { after_created_at: after.created_at, after_id: after.id }),
        },
      );
    },

    counts(): Counts {
      return db
        .query<Counts, []>(
          `select coalesce(sum(deleted_at is null and hidden_at is null), 0) as live,
             coalesce(sum(deleted_at is not null), 0) as tombstoned,
             coalesce(sum(deleted_at is null and hidden_at is not null), 0) as shadowed from observation`,
        )
        .get()!;
    },

    /** How many of the newest `limit` visible observations each value of a column has, most first. */
    tally(column: "agent_family" | "pc_id", now: string, limit: number): { value: string; count: number }[] {
      const { sql, parameters } = conditionOf({}, now);
      return db
        .query<{ value: string; count: number }, { [name: string]: string | number }>(
          `select value, count(*) as count from (select o.${column} as value from observation o where ${sql}
           order by o.created_at desc limit $limit) group by value order by value`,
        )
        .all({ ...parameters, limit });
    },
  };
}

function found({ id, payload, state, deleted_at }: Row): Found {
  return { observation: readObservation(payload, id)!, payload, state, deleted_at };
}
