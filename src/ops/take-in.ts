import { existsSync } from "node:fs";
import { UserError } from "../core/errors.ts";
import { timestamp } from "../core/time.ts";
import type { Adopted, Incoming } from "../store/adopt.ts";
import type { ForeignRow } from "../store/foreign/rows.ts";
import type { Source } from "../store/foreign/source.ts";
import { createSecondThread } from "../store/second-thread.ts";
import { openStore } from "../store/store.ts";
import type { Context } from "./context.ts";
import { paced } from "./pace.ts";
import { settle } from "./settle.ts";

/** Records that are taken in before a second thread helps: its code has to become fast as well. */
const mostAlone = 1_000;

/** How many refused rows a harvest names. The rest it counts. */
const mostNamed = 20;

/** What became of the rows of a file. */
export interface Tally {
  observations: number;
  tombstones: number;
  erasures: number;
  /** Records of kinds that a later release may know. */
  others: number;
  /** Observations among them that are hidden, on this host only. */
  hidden: number;
  /** Observations among them that are kept and cannot be read. */
  unreadable: number;
  /** Records that were here already. */
  present: number;
  /** Rows that are no records. */
  refused: number;
}

/** What came of reading a file. */
export interface Harvest {
  source: Source;
  tally: Tally;
  /** The first refused rows. */
  refused: { where: string; refused: string }[];
  /** Why it was not read to its end. */
  failure?: UserError;
}

/** Adds records, or only foretells what adding them would do. What it gives is the part that needs the lock. */
type Adopt = (incoming: readonly Incoming[]) => Promise<() => Adopted[]>;

/**
 * Takes in what there is to read, file after file; at the end what was hidden on a host alone, which another file may
 * show. A file that cannot be read to its end keeps nothing else from being taken in.
 */
export async function takeIn(ctx: Context, sources: readonly Source[], dryRun: boolean): Promise<Harvest[]> {
  const harvests: Harvest[] = sources.map((source) => ({ source, tally: { ...nothing }, refused: [] }));
  const { adopt, settle, close } = dryRun ? foresight(ctx) : adoption(ctx);
  const size = sum(sources.map((source) => source.size));
  const pace = { sizeOf, now: () => ctx.now().getTime(), isLockFree: dryRun };
  try {
    for (const part of ["rows", "hidden"] as const) {
      for (const harvest of harvests) {
        const work = async (batch: ForeignRow[]) => {
          const done = sum(sources.map((source) => source.done()));
          const take = await prepareBatch(harvest, batch, adopt);
          return () => {
            take();
            ctx.progress?.(done, size);
          };
        };
        try {
          await paced(harvest.source[part](), work, pace);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          harvest.failure = error;
        }
      }
    }
    await settle();
  } finally {
    close();
  }
  return harvests;
}

async function prepareBatch({ tally, refused }: Harvest, batch: readonly ForeignRow[], adopt: Adopt) {
  const incoming: Incoming[] = [];
  for (const row of batch) {
    if ("record" in row) incoming.push(row);
    else if (refused.length < mostNamed) refused.push(row);
  }
  tally.refused += batch.length - incoming.length;
  const take = await adopt(incoming);
  return () => {
    for (const [i, { outcome, unreadable }] of take().entries()) {
      const { record, hidden_at } = incoming[i]!;
      tally[outcome === "present" ? "present" : (counters[record.kind] ?? "others")]++;
      if (outcome === "inserted" && hidden_at !== undefined) tally.hidden++;
      if (unreadable) tally.unreadable++;
    }
  };
}

const counters: { [kind: string]: "observations" | "tombstones" | "erasures" } = {
  observation: "observations",
  tombstone: "tombstones",
  erasure: "erasures",
};

const nothing: Tally = {
  observations: 0,
  tombstones: 0,
  erasures: 0,
  others: 0,
  hidden: 0,
  unreadable: 0,
  present: 0,
  refused: 0,
};

/** All tallies as one. */
export function totalOf(harvests: readonly Harvest[]): Tally {
  const total = { ...nothing };
  for (const { tally } of harvests) {
    for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
  }
  return total;
}

interface Adoption {
  adopt: Adopt;
  /** Ends what many batches have left to be done at the end. */
  settle(): Promise<void>;
  close(): void;
}

function adoption(ctx: Context): Adoption {
  const store = ctx.store();
  const thread = createSecondThread(ctx.startThread, mostAlone);
  let count = 0;
  const adopt: Adopt = async (incoming) => {
    thread.received((count += incoming.length));
    const prepared = await store.prepare(incoming, thread.current);
    return () => store.adopt(prepared);
  };
  return { adopt, settle: () => settle(store, ctx.paths.database), close: thread.end };
}

/** Foretelling leaves no trace, not even an empty database. */
function foresight(ctx: Context): Adoption {
  const isNew = !existsSync(ctx.paths.database);
  const store = isNew ? openStore(":memory:", () => timestamp(ctx.now())) : ctx.store();
  const foresee = store.foresee();
  const settle = () => Promise.resolve();
  return {
    adopt: (incoming) => Promise.resolve(() => foresee(incoming)),
    settle,
    close: isNew ? store.close : () => {},
  };
}

function sizeOf(row: ForeignRow): number {
  return "record" in row ? (row.record.payload?.length ?? 0) : 0;
}

/** Undefined where any of them is. */
function sum<N extends number | undefined>(numbers: readonly N[]): N {
  return numbers.reduce<number | undefined>((a, b) => (a === undefined || b === undefined ? undefined : a + b), 0) as N;
}
