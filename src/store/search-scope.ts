import type { Database } from "bun:sqlite";
import { conditionOf, type Filter } from "./filter.ts";
import { inScope } from "./search-index.ts";
import type { Look, Scope } from "./search-look.ts";

/** A filter that more observations than this pass is not worth asking the index for: reading the best ones tells. */
const selective = 10_000;

const columns = ["project", "session_id", "agent_family", "client_id", "pc_id"] as const;

/** What a filter narrows inside of the index already. It lets through all that pass the filter, and some others. */
export function scopeOf(db: Database, look: Look, filter: Filter, now: string): Scope {
  const everything = { expression: "", from: 0, to: Number.MAX_SAFE_INTEGER };
  const tokens = columns.flatMap((column) => (filter[column] === undefined ? [] : inScope(column, filter[column])));
  const types = filter.memory_types?.map((type) => inScope("memory_type", type));
  if (types?.length) tokens.push(`(${types.join(" OR ")})`);
  const expression = tokens.join(" AND ");
  const narrows = expression !== "" && look.rows(expression, everything, selective).length < selective;
  return { expression: narrows ? expression : "", ...rowsInTime(db, filter, now) };
}

/** The first and last row of a time span, where few enough are in it to look. */
function rowsInTime(db: Database, { since, until }: Filter, now: string): { from: number; to: number } {
  if (since === undefined && until === undefined) return { from: 0, to: Number.MAX_SAFE_INTEGER };
  const { sql, parameters } = conditionOf({ since, until, include_superseded: true }, now);
  const { rows, first, last } = db
    .query<{ rows: number; first: number; last: number }, { [name: string]: string | number }>(
      `select count(*) as rows, min(seq) as first, max(seq) as last from (
         select o.seq from observation o where ${sql} order by o.created_at desc, o.id desc limit $selective)`,
    )
    .get({ ...parameters, selective })!;
  return rows < selective ? { from: first ?? 0, to: last ?? 0 } : { from: 0, to: Number.MAX_SAFE_INTEGER };
}
