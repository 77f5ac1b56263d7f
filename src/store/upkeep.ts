import type { Database } from "bun:sqlite";
import type { Cursor } from "./reader.ts";
import { conditionOf, type Filter } from "./filter.ts";

/** An observation of a host, and whether a tombstone withdraws it already. */
export interface OfHost {
  id: string;
  session_id: string;
  deleted: boolean;
}

type Parameters = { [name: string]: string | number };

/** What deleting and erasing many at once needs to know: ids alone, however many, never their content. */
export function openUpkeep(db: Database) {
  function all<T>(sql: string, parameters: Parameters): T[] {
    return db.query<T, Parameters>(sql).all(parameters);
  }

  return {
    /** How many observations pass a filter. */
    count(filter: Filter, now: string): number {
      const { sql, parameters } = conditionOf(filter, now);
      return all<{ n: number }>(`select count(*) as n from observation o where ${sql}`, parameters)[0]!.n;
    },

    /** The places of observations that pass a filter, newest first, below `after`. */
    page(filter: Filter, now: string, limit: number, after?: Cursor): Cursor[] {
      const { sql, parameters } = conditionOf(filter, now);
      const below = after ? "and (o.created_at, o.id) < ($after_created_at, $after_id)" : "";
      return all(
        `select o.created_at, o.id from observation o where ${sql} ${below}
         order by o.created_at desc, o.id desc limit $limit`,
        { ...parameters, limit, ...(after && { after_created_at: after.created_at, after_id: after.id }) },
      );
    },

    /** Observations whose time is over, and that nobody has withdrawn. */
    expired(now: string, project: string | undefined): { id: string; expires_at: string }[] {
      return all(
        `select id, expires_at from observation o where expires_at <> '' and expires_at <= $now
         and deleted_at is null and hidden_at is null ${ofProject(project)}`,
        { now, ...(project !== undefined && { project }) },
      );
    },

    /**
     * Ids whose tombstone is at least as old as `cutoff`, by its own time and by when this host learned of it, and whose
     * content nothing has ordered erased. With a project only those whose observation is here.
     */
    withdrawnBy(cutoff: string, project: string | undefined): string[] {
      const rows = all<{ id: string }>(
        `select t.id from record t where t.kind = 'tombstone' and max(t.at, t.learned_at) <= $cutoff
         and not exists (select 1 from record e where e.kind = 'erasure' and e.id = t.id)
         ${project === undefined ? "" : `and t.id in (select o.id from observation o where true ${ofProject(project)})`}`,
        { cutoff, ...(project !== undefined && { project }) },
      );
      return rows.map(({ id }) => id);
    },

    /** Every observation that a host saved, withdrawn and hidden ones too, in sessions whose name begins so. */
    ofHost(pc_id: string, session_prefix: string): OfHost[] {
      const rows = all<{ id: string; session_id: string; deleted: number }>(
        `select id, session_id, deleted_at is not null as deleted from observation
         where pc_id = $pc_id and substr(session_id, 1, length($session_prefix)) = $session_prefix`,
        { pc_id, session_prefix },
      );
      return rows.map((row) => ({ ...row, deleted: row.deleted === 1 }));
    },
  };
}

function ofProject(project: string | undefined): string {
  return project === undefined ? "" : "and o.project = $project";
}
