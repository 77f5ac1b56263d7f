import type { Database } from "bun:sqlite";
import { readObservation, type Observation } from "../core/observation.ts";
import { byId } from "./filter.ts";
import type { SearchIndex } from "./search-index.ts";

/** What the log has of an observation, as far as its projections follow from it. */
export interface ContentRow {
  seq: number;
  payload: string | null;
}

type ObservationRow = ReturnType<typeof columnsOf> & {
  seq: number;
  deleted_at: string | null;
  hidden_at: string | null;
};

/** What is made of an observation's payload, which can be done before a lock is taken. */
export interface Ready {
  observation: Observation;
  /** Those by which it is found (search-index.ts). */
  tokens: Uint8Array;
}

/** An observation as it has just come into the log. */
interface Fresh {
  row: ContentRow;
  /** What was made of that payload. */
  ready: Ready | undefined;
}

export type Projection = ReturnType<typeof openProjection>;

/** What follows from the log for one observation id: its row, its supersessions, its place in the search tables. */
export function openProjection(db: Database, index: SearchIndex) {
  const observationRecord = () =>
    db.query<ContentRow, [string]>("select seq, payload from record where kind = 'observation' and id = ?");
  const times = () =>
    db.query<Pick<ObservationRow, "deleted_at" | "hidden_at">, { id: string }>(
      `select (select iif(at = '', learned_at, at) from record where kind = 'tombstone' and id = $id) as deleted_at,
         (select hidden_at from hidden where id = $id) as hidden_at`,
    );
  const projected = () =>
    db.query<{ seq: number; deleted_at: string | null; hidden_at: string | null }, [string]>(
      `select o.seq, o.deleted_at, o.hidden_at from ${byId("r", "o")} where r.id = ?`,
    );
  const insert = () =>
    db.query(`insert into observation values ($seq, $id, $created_at, $project, $agent_family,
    $client_id, $pc_id, $session_id, $memory_type, $importance, $expires_at, $deleted_at, $hidden_at)`);
  const remove = () => db.query("delete from observation where seq = ?");
  const supersede = () => db.query("insert or ignore into supersession values (?, ?)");
  const unsupersede = () => db.query("delete from supersession where new_id = ?");

  function observationOf(id: string): Observation | undefined {
    const payload = observationRecord().get(id)?.payload;
    return payload ? readObservation(payload, id) : undefined;
  }

  /** Takes an observation out of the projections. Must run while the log still has the payload it was made from. */
  function withdraw(id: string): void {
    const row = projected().get(id);
    if (!row) return;
    if (row.deleted_at === null && row.hidden_at === null) index.remove(row.seq, observationOf(id)!);
    remove().run(row.seq);
    unsupersede().run(id);
  }

  /** The row that follows from the log for an id, and what it is made from; undefined where there is nothing to show. */
  function derive(id: string, fresh?: Fresh): { row: ObservationRow; observation: Observation } | undefined {
    const { seq, payload } = fresh?.row ?? observationRecord().get(id) ?? {};
    const observation = payload ? (fresh?.ready?.observation ?? readObservation(payload, id)) : undefined;
    if (seq === undefined || !observation) return undefined;
    return { row: { ...columnsOf(observation), seq, ...times().get({ id })! }, observation };
  }

  /** Puts an observation into the projections as the log now has it. */
  function project(id: string, fresh?: Fresh): void {
    const derived = derive(id, fresh);
    if (!derived) return;
    const { row, observation } = derived;
    insert().run({ ...row });
    for (const old of superseded(observation)) supersede().run(old, id);
    if (row.deleted_at === null && row.hidden_at === null) index.add(row.seq, observation, fresh?.ready?.tokens);
  }

  /** Makes all projections anew from the log; gives the number of observations. */
  function rebuild(): number {
    index.clear();
    db.run("delete from supersession");
    db.run("delete from observation");
    const ids = db.query<{ id: string }, []>(
      "select id from record where kind = 'observation' and payload is not null order by seq",
    );
    for (const { id } of ids.iterate()) project(id);
    index.optimize();
    return db.query<{ count: number }, []>("select count(*) as count from observation").get()!.count;
  }

  function hide(id: string, hidden_at: string): void {
    withdraw(id);
    db.query("insert or ignore into hidden values (?, ?)").run(id, hidden_at);
    project(id);
  }

  function unhide(id: string): void {
    withdraw(id);
    db.query("delete from hidden where id = ?").run(id);
    project(id);
  }

  /** How many observations are shown otherwise than the log has them, or not shown. Reads everything. */
  function astray(): number {
    const shown = db.query<ObservationRow, []>("select * from observation");
    const pairs = db.query<{ old_id: string }, [string]>("select old_id from supersession where new_id = ?");
    let count = 0;
    for (const row of shown.iterate()) {
      const derived = derive(row.id);
      const olds = new Set(derived && superseded(derived.observation));
      const agrees =
        Bun.deepEquals(row, derived?.row) &&
        Bun.deepEquals(new Set(pairs.all(row.id).map(({ old_id }) => old_id)), olds);
      if (!agrees) count++;
    }
    const absent = db.query<{ id: string }, []>(
      "select id from record r where kind = 'observation' and not exists (select 1 from observation o where o.seq = r.seq)",
    );
    for (const { id } of absent.iterate()) if (derive(id)) count++;
    return count;
  }

  return { withdraw, project, hide, unhide, rebuild, astray };
}

/** What an observation replaces. Nothing replaces itself. */
function superseded({ supersedes, observation_id }: Observation): string[] {
  return supersedes.filter((old) => old !== observation_id);
}

function columnsOf(o: Observation) {
  const { observation_id: id, created_at, project, memory_type, importance, expires_at } = o;
  const { agent_family, client_id, pc_id, session_id } = o;
  const own = { id, created_at, project, memory_type, importance, expires_at };
  return { ...own, agent_family, client_id, pc_id, session_id };
}
