import { readObservation } from "../core/observation.ts";
import { isPreferred, type Record } from "../core/record.ts";
import type { Log, LogRow, Outcome } from "./log.ts";
import type { Ready } from "./projection.ts";
import { tokensOf } from "./search-index.ts";
import { contentsOf, type Tokens, type TokenThread } from "./token-thread.ts";
import type { Write } from "./writer.ts";

/** A record that was kept elsewhere, with what is known of it there. */
export interface Incoming {
  record: Record;
  /** When a host first learned of it (canonical time); now, where this is not known. */
  learned_at?: string;
  /** Since when it is hidden (canonical time): it stays so here if it is new. */
  hidden_at?: string;
  /** Made from something that follows from the record: it fills a gap, and replaces nothing. */
  derived?: true;
  /** The object in the payload, where it was parsed already. */
  fields?: { [key: string]: unknown } | undefined;
}

/** What became of a record that was kept elsewhere. */
export interface Adopted {
  outcome: Outcome;
  /** It is an observation whose payload cannot be read, and was not here. */
  unreadable: boolean;
}

/** Records that are to be taken in, with what can be made of them without a lock. */
export interface Prepared {
  incoming: readonly Incoming[];
  /** Those that are not here, and what was made of their payload where it can be read. */
  ready: Map<Incoming, Ready | undefined>;
}

/** Taking in what was kept elsewhere, many at a time: by the rules of the set, with the lock held as briefly as can be. */
export function openAdoption(log: Log, write: Write) {
  /** Whether the set would take a record, as far as can be seen. */
  function isWanted(one: Incoming): boolean {
    return foretell(one, log.get(one.record.kind, one.record.id)) !== "present";
  }

  async function prepare(incoming: readonly Incoming[], thread?: TokenThread): Promise<Prepared> {
    const candidates = incoming.filter(isWanted);
    const tokens = await thread?.make(contentsOf(candidates.map(({ record }) => record)));
    return { incoming, ready: new Map(candidates.map((one, i) => [one, readyFor(one, tokens?.[i])])) };
  }

  /**
   * Of each record that is to be added, what can be made without a lock; undefined where the set will not take it.
   * `tokens` are those that have been made of it.
   */
  function ready(records: readonly Record[], tokens?: Tokens): (Ready | undefined)[] {
    return records.map((record, i) => (isWanted({ record }) ? readyFor({ record }, tokens?.[i]) : undefined));
  }

  /** Adds records in one transaction. */
  function adopt({ incoming, ready }: Prepared, now: string): Adopted[] {
    const candidates = [...ready.keys()];
    const merged = write(() =>
      log.append(
        candidates.map(({ record }) => record),
        (i) => {
          const { learned_at, derived, hidden_at } = candidates[i]!;
          const made = ready.get(candidates[i]!);
          return { learned_at: notAfter(now, learned_at), derived, hidden_at, received: false, ready: made };
        },
      ),
    );
    const outcomes = new Map(candidates.map((one, i) => [one, merged[i]!.outcome]));
    return incoming.map((one) => {
      const outcome = outcomes.get(one) ?? "present";
      return { outcome, unreadable: outcome !== "present" && isContent(one) && !ready.get(one) };
    });
  }

  /** Foretells, batch after batch, what `adopt` would do. */
  function foresee(): (incoming: readonly Incoming[]) => Adopted[] {
    const planned = new Map<string, Known>();
    return (incoming) =>
      incoming.map((one) => {
        const { kind, id, at, digest, payload } = one.record;
        const outcome = foretell(one, planned.get(kind + id) ?? log.get(kind, id));
        if (outcome !== "present") planned.set(kind + id, { at, digest, payload: payload && "" });
        return { outcome, unreadable: outcome !== "present" && isContent(one) && !readObservation(payload!, id) };
      });
  }

  return { prepare, ready, adopt, foresee };
}

type Known = Pick<LogRow, "at" | "digest" | "payload">;

/** What adding would do, as far as can be seen without doing it. */
function foretell({ record, derived }: Incoming, known: Known | undefined): Outcome {
  if (!known) return "inserted";
  const isMore = known.payload === null && record.payload !== null; // whether it may come back, the log decides
  return !derived && (isPreferred(record, known) || isMore) ? "replaced" : "present";
}

function isContent({ record }: Incoming): boolean {
  return record.kind === "observation" && record.payload !== null;
}

function readyFor(one: Incoming, tokens: Uint8Array | undefined): Ready | undefined {
  const observation = isContent(one) ? readObservation(one.record.payload!, one.record.id, one.fields) : undefined;
  return observation && { observation, tokens: tokens ?? tokensOf(observation) };
}

/** A time that a file tells must not lie in the future: from there it would keep content from ever being erased. */
function notAfter(now: string, time: string | undefined): string {
  return time !== undefined && time < now ? time : now;
}
