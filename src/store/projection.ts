import type { Database } from "bun:sqlite";
import { readObservation, type Observation } from "../core/observation.ts";
import type { SearchIndex } from "./search-index.ts";

interface LogRow {
  seq: number;
  payload: string | null;
}

export type Projection = ReturnType<typeof openProjection>;

/** What follows from the log for one observation id: its row, its supersessions, its place in the search tables. */
export function openProjection(db: Database, index: SearchIndex) {
  const observationRecord = () =>
    db.query<LogRow, [string]>("select seq, payload from record where kind = 'observation' and id = ?");
  const tombstoneTime = () =>
    db.query<{ at: string; learned_at: string }, [string]>(
      "select at, learned_at from record where kind = 'tombstone' and id = ?",
    );
  const hiddenTime = () => db.query<{ hidden_at: string }, [string]>("select hidden_at from hidden where id = ?");
  const projected = () =>
    db.query<{ seq: number; deleted_at: string | null; hidden_at: string | null }, [string]>(
      "select seq, deleted_at, hidden_at from observation where id = ?",
    );
  const insert = () =>
    db.query(`insert into observation values ($seq, $observation_id, $created_at, $project, $agent_family,
    $client_id, $pc_id, $session_id, $memory_type, $importance, $expires_at, $deleted_at, $hidden_at)`);
  const remove = () => db.query("delete from observation where id = ?");
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
    remove().run(id);
    unsupersede().run(id);
  }

  /** Puts an observation into the projections as the log now has it. */
  function project(id: string): void {
    const row = observationRecord().get(id);
    const observation = row?.payload ? readObservation(row.payload, id) : undefined;
    if (!row || !observation) return;
    const tombstone = tombstoneTime().get(id);
    const deleted_at = tombstone ? tombstone.at || tombstone.learned_at : null;
    const hidden_at = hiddenTime().get(id)?.hidden_at ?? null;
    insert().run({ ...columnsOf(observation), seq: row.seq, deleted_at, hidden_at });
    for (const old of observation.supersedes) if (old !== id) supersede().run(old, id);
    if (deleted_at === null && hidden_at === null) index.add(row.seq, observation);
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

  return { withdraw, project, hide, unhide, rebuild };
}

function columnsOf(o: Observation) {
  const { observation_id, created_at, project, memory_type, importance, expires_at } = o;
  const { agent_family, client_id, pc_id, session_id } = o;
  const own = { observation_id, created_at, project, memory_type, importance, expires_at };
  return { ...own, agent_family, client_id, pc_id, session_id };
}
