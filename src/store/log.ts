import type { Database } from "bun:sqlite";
import { emptySet, withElement, type SetSum } from "../core/fingerprint.ts";
import { digestOf, elementOf, isPreferred, recordKinds, type Record } from "../core/record.ts";
import type { ContentRow, Projection, Ready } from "./projection.ts";
import { markUnpurged } from "./purge.ts";
import type { State } from "./state.ts";

/** What became of an arrived record: new here, already here, or in the place of what its identity held before. */
export type Outcome = "inserted" | "present" | "replaced";

/** A record as this host keeps it. */
export interface LogRow extends Record {
  seq: number;
  learned_at: string;
  received: number;
}

/** A row of the log without its payload. */
export interface Row {
  /** Its number, in the order in which this host learned of records. Never used twice. */
  seq: number;
  kind: string;
  id: string;
  digest: Uint8Array;
  /** It came from the mesh; false for what was saved or imported here. */
  received: boolean;
}

/** What a record's arrival did to the log. */
export interface Merged {
  outcome: Outcome;
  /** The row that now holds the identity. */
  seq: number;
  /** The digest of what it replaced. */
  replaced: Uint8Array | undefined;
  /** The row holds the digest alone: its content was erased, or never came. */
  bare: boolean;
}

/** Where records come from and when this host learned of them. */
export interface Arrival {
  learned_at: string;
  received: boolean;
  /** The row number to take, where it was given before (a repair). */
  seq?: number;
  /** What was made of an observation's payload before. */
  ready?: Ready | undefined;
  /** It fills a gap, and replaces nothing. */
  derived?: true | undefined;
  /** Since when it is hidden here (canonical time), if it is new. */
  hidden_at?: string | undefined;
}

export type Log = ReturnType<typeof openLog>;

/** The log, and what it does to the projections. Whoever appends holds a write transaction. */
export function openLog(db: Database, projection: Projection, state: State) {
  // Prepared when first used, and kept by the database: most commands need few of them.
  const find = () => db.query<LogRow, [string, string]>("select * from record where kind = ? and id = ?");
  const insert = () =>
    db.query(`insert into record (seq, kind, id, digest, at, payload, learned_at, received)
      values ($seq, $kind, $id, $digest, $at, $payload, $learned_at, $received)`);
  const remove = () => db.query("delete from record where seq = ?");
  const erase = () =>
    db.query(
      "update record set payload = null where id = ? and kind in ('observation', 'tombstone') and payload is not null",
    );

  function get(kind: string, id: string): LogRow | undefined {
    return find().get(kind, id) ?? undefined;
  }

  function isErased({ kind, id }: Record): boolean {
    return isContent(kind) && get("erasure", id) !== undefined;
  }

  /** True for the very record that is here as a digest alone, now with its content, where nothing ordered it erased. */
  function revives(record: Record, known: LogRow): boolean {
    const same = Buffer.compare(known.digest, record.digest) === 0;
    return same && known.payload === null && record.payload !== null && !isErased(record);
  }

  /** Puts a record in the place of what its identity holds; gives its row, and the payload that the row has. */
  function place(record: Record, known: LogRow | undefined, { learned_at, received, seq }: Arrival): ContentRow {
    if (known) remove().run(known.seq);
    const payload = isErased(record) ? null : record.payload;
    const { lastInsertRowid } = insert().run({
      seq: seq ?? null,
      kind: record.kind,
      id: record.id,
      digest: record.digest,
      at: record.at,
      payload,
      learned_at: known?.learned_at ?? learned_at,
      received: Number(received),
    });
    const row = Number(lastInsertRowid);
    if (record.kind === "erasure" && erase().run(record.id).changes > 0) markUnpurged(state, row);
    return { seq: row, payload };
  }

  /** Adds one record by the rules of the set: an identity's preferred payload stays, erased content never returns. */
  function add(record: Record, arrival: Arrival): Merged {
    const { kind, id } = record;
    const known = get(kind, id);
    if (known && (arrival.derived || (!isPreferred(record, known) && !revives(record, known)))) {
      return { outcome: "present", seq: known.seq, replaced: undefined, bare: known.payload === null };
    }
    if (!known && arrival.hidden_at !== undefined) projection.hide(id, arrival.hidden_at);
    const isNews = kind === "observation" && !known; // nothing is shown of it yet
    if (isRead(kind) && !isNews) projection.withdraw(id);
    const row = place(record, known, arrival);
    if (isRead(kind)) projection.project(id, kind === "observation" ? { row, ready: arrival.ready } : undefined);
    return {
      outcome: known ? "replaced" : "inserted",
      seq: row.seq,
      replaced: known?.digest,
      bare: row.payload === null,
    };
  }

  return {
    get,

    /** Rows after a number, oldest first, without their payloads. */
    rows(after: number, limit: number): Row[] {
      return db
        .query<Omit<Row, "received"> & { received: number }, [number, number]>(
          "select seq, kind, id, digest, received from record where seq > ? order by seq limit ?",
        )
        .all(after, limit)
        .map((row) => ({ ...row, received: row.received === 1 }));
    },

    /** How many rows after a number did not come from the mesh. */
    countLocal(after: number): number {
      return db
        .query<{ count: number }, [number]>("select count(*) as count from record where seq > ? and received = 0")
        .get(after)!.count;
    },

    /** Takes all records for this host's own, and forgets what was noted of a mesh. */
    forgetMesh(): void {
      db.run("update record set received = 0 where received = 1");
      db.run("delete from state where key like 'mesh.%'");
    },

    /** Records by row number, in order; numbers without a row are left out. */
    records(seqs: readonly number[]): LogRow[] {
      return db
        .query<LogRow, [string]>("select r.* from json_each(?) s cross join record r on r.seq = s.value order by r.seq")
        .all(JSON.stringify(seqs));
    },

    /**
     * How many records are kept unread: of kinds this build does not know, and observations whose payload it cannot read.
     * Reads the whole log.
     */
    unread(): { unknown: number; unreadable: number } {
      return db
        .query<{ unknown: number; unreadable: number }, []>(
          `select (select count(*) from record where kind not in ('observation', 'tombstone', 'erasure') and payload is not null) as unknown,
             (select count(*) from record r where kind = 'observation' and payload is not null
               and not exists (select 1 from observation o where o.seq = r.seq)) as unreadable`,
        )
        .get()!;
    },

    /**
     * Reads the whole log: which records do not have the payload that was saved (their digest says so), and whether the
     * sum that the log keeps is that of its records.
     */
    verify(): { doubtful: string[]; counted: boolean } {
      const doubtful: string[] = [];
      let sum = emptySet;
      for (const row of db.query<LogRow, []>("select * from record order by seq").iterate()) {
        sum = withElement(sum, elementOf(row));
        if (row.payload !== null && Buffer.compare(digestOf(row.payload), row.digest) !== 0) doubtful.push(row.id);
      }
      return { doubtful, counted: Bun.deepEquals(sum, readSum(state)) };
    },

    /** Adds records in order; says what each did. `arrival` is one for all, or is asked for each. */
    append(records: readonly Record[], arrival: Arrival | ((index: number) => Arrival)): Merged[] {
      const before = readSum(state);
      let sum = before;
      const merged = records.map((record, i) => {
        const one = add(record, typeof arrival === "function" ? arrival(i) : arrival);
        if (one.replaced) sum = withElement(sum, elementOf({ ...record, digest: one.replaced }), -1);
        if (one.outcome !== "present") sum = withElement(sum, elementOf(record));
        return one;
      });
      if (sum !== before) state.set("set", `${sum.count} ${sum.sum.toString(16)}`);
      return merged;
    },
  };
}

/** The set of all records, as `append` keeps it up. */
export function readSum(state: Pick<ReadonlyMap<string, string>, "get">): SetSum {
  const text = state.get("set");
  if (text === undefined) return emptySet;
  const [count, sum] = text.split(" ");
  return { count: Number(count), sum: BigInt(`0x${sum}`) };
}

/** The kinds this build understands. Others are kept and passed on unread. */
function isRead(kind: string): boolean {
  return (recordKinds as readonly string[]).includes(kind);
}

/** The kinds whose payload an erasure destroys. */
function isContent(kind: string): boolean {
  return kind === "observation" || kind === "tombstone";
}
