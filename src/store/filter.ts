import type { MemoryType } from "../core/observation.ts";

/** Which observations a question is about. What is absent does not narrow. Times are canonical (core/time.ts). */
export interface Filter {
  project?: string;
  agent_family?: string;
  client_id?: string;
  pc_id?: string;
  session_id?: string;
  memory_types?: readonly MemoryType[];
  importance?: number;
  /** Only what names at least one of these files, or of these references, exactly so. */
  source_files?: readonly string[];
  references?: readonly string[];
  /** First and last instant, both included. */
  since?: string;
  until?: string;
  /** Also what a live observation supersedes. Deleted and hidden ones never come. */
  include_superseded?: boolean;
  /** Also what has expired. */
  include_expired?: boolean;
}

/** True while an observation `n` is neither deleted, hidden nor expired at $now. */
export const alive = (n: string) => `${present(n)} and (${n}.expires_at = '' or ${n}.expires_at > $now)`;

const present = (n: string) => `${n}.deleted_at is null and ${n}.hidden_at is null`;

/**
 * The tables in which an observation `o` is found by the id of its record `r`: an index of its own for that would cost each
 * save a page.
 */
export const byId = (r: string, o: string) =>
  `record ${r} cross join observation ${o} on ${o}.seq = ${r}.seq and ${r}.kind = 'observation'`;

/** True where a live observation supersedes `o`. */
export const superseded = (o: string) => `exists (
  select 1 from supersession s cross join ${byId("q", "n")} and q.id = s.new_id where s.old_id = ${o}.id and ${alive("n")})`;

const equalities = ["project", "agent_family", "client_id", "pc_id", "session_id", "importance"] as const;

type Parameters = { [name: string]: string | number };

/**
 * The SQL condition of a filter on the observation `o` and its record `r`, and its parameters. `now` decides what has
 * expired.
 */
export function conditionOf(filter: Filter, now: string): { sql: string; parameters: Parameters } {
  const terms = [filter.include_expired ? present("o") : alive("o")];
  const parameters: Parameters = { now };
  for (const column of equalities) {
    const value = filter[column];
    if (value === undefined) continue;
    terms.push(`o.${column} = $${column}`);
    parameters[column] = value;
  }
  if (filter.since !== undefined) {
    terms.push("o.created_at >= $since");
    parameters.since = filter.since;
  }
  if (filter.until !== undefined) {
    terms.push("o.created_at <= $until and o.created_at <> ''");
    parameters.until = filter.until;
  }
  if (filter.memory_types !== undefined) {
    terms.push("o.memory_type in (select value from json_each($memory_types))");
    parameters.memory_types = JSON.stringify(filter.memory_types);
  }
  for (const list of ["source_files", "references"] as const) {
    const wanted = filter[list];
    if (wanted === undefined) continue;
    terms.push(
      `exists (select 1 from json_each(r.payload, '$.${list}') j join json_each($${list}) w on w.value = j.value)`,
    );
    parameters[list] = JSON.stringify(wanted);
  }
  if (!filter.include_superseded) terms.push(`not ${superseded("o")}`);
  return { sql: terms.join(" and "), parameters };
}
