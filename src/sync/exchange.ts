import type { Answer, Busy, Question } from "./message.ts";
import { compare, opening, summary, type Range } from "./reconcile.ts";
import { createArrivals, type ArrivalPorts } from "./arrivals.ts";
import type { Replica, Taken } from "./replica.ts";

/** How much one message carries before it ends. A single record may exceed it: at least one always goes. */
export interface Room {
  /** Bytes of ranges. */
  ranges: number;
  /** Bytes of records. */
  records: number;
}

/** Some 500 records of usual size: a transaction of less than 100 ms, for which a save may have to wait. */
export const usualRoom: Room = { ranges: 48 * 1024, records: 512 * 1024 };

interface Composed {
  /** How many of the other side's ranges were dealt with. */
  done: number;
  ranges: Range[];
  records: Uint8Array[];
}

const readAtOnce = 8; // few: one may be megabytes large

/** Deals with ranges of the other side, in their order, until the message is full. At least one, if there is one. */
function compose(replica: Replica, theirs: readonly Range[], offset: number, room: Room): Composed {
  const composed: Composed = { done: 0, ranges: [], records: [] };
  let rangeBytes = 0;
  let recordBytes = 0;

  /** Adds records while there is room; false where some did not fit. */
  function add(seqs: readonly number[]): boolean {
    for (let i = 0; i < seqs.length; i += readAtOnce) {
      if (recordBytes >= room.records) return false;
      for (const record of replica.packed(seqs.slice(i, i + readAtOnce))) {
        if (recordBytes >= room.records) return false;
        composed.records.push(record);
        recordBytes += record.length;
      }
    }
    return true;
  }

  for (const range of theirs) {
    if (composed.done > 0 && (rangeBytes >= room.ranges || recordBytes >= room.records)) break;
    const { ranges, missing, rest } = compare(replica.set, range, offset);
    const whole = add(missing) && !rest;
    composed.ranges.push(...ranges);
    if (!whole) composed.ranges.push(summary(replica.set, range.prefix));
    rangeBytes += ranges.reduce((sum, one) => sum + bytesOf(one), 0);
    composed.done++;
  }
  return composed;
}

/** What a range takes in a message, nearly. */
function bytesOf(range: Range): number {
  return range.kind === "fingerprint" ? 22 : 6 + 8 * range.ids.length;
}

/**
 * Answers a question of another peer, whoever he is and whatever was said before: takes in what he brings, then says
 * what follows from his ranges, unless he is told to come back later. Throws what the store throws.
 */
export function answerQuestion(
  replica: Replica,
  question: Question,
  { room, busy }: { room: Room; busy: Busy },
): { answer: Omit<Answer, "clock">; taken: Taken } {
  replica.refresh();
  const taken = replica.takeIn(replica.unpack(question.records));
  const composed = compose(replica, busy === "fed" ? [] : question.ranges, question.offset, room);
  const answer = {
    ...composed,
    busy,
    refused: taken.malformed,
    count: replica.set.size,
    fingerprint: replica.set.fingerprint(""),
  };
  return { answer, taken };
}

/** How a session stands, and in the end how it went. */
export interface Session {
  /**
   * - `equal`: at its end both sets were the same.
   * - `settled`: each side got what the other had at the start; by now they differ again.
   * - `yielded`: the peer is doing the same with us, or with another; what was exchanged before stays.
   * - `failed`: no answer, or none that could be used; what was exchanged before stays.
   */
  outcome: "open" | "equal" | "settled" | "yielded" | "failed";
  sent: number;
  received: number;
  rounds: number;
  /** Records that one of the sides could not take. */
  refused: number;
  /** The peer has every row of ours up to this number; undefined while that is not shown. */
  heldThrough: number | undefined;
  /** The peer's set as he last told it. */
  peer: { count: number; fingerprint: string } | undefined;
}

/** What a session needs: a way to ask, and someone who hears what it brought. */
export interface SessionPorts extends Pick<ArrivalPorts, "rest" | "thread"> {
  /** Undefined when there is no answer, or none that can be read. */
  ask(question: Question): Promise<Answer | undefined>;
  /** Called after each merging of what an answer brought. */
  progress(session: Session, taken: Taken): void;
}

const mostPasses = 4;
/** Rounds in a row that move no record. An honest peer needs a few hundred at most. */
const mostIdleRounds = 2_000;

/**
 * Brings two peers to the same records, by asking until no range is left to compare. `differ` says that the sets are
 * known to, which saves a round trip.
 */
export async function reconcileWith(
  replica: Replica,
  ports: SessionPorts,
  { differ, offset, room }: { differ: boolean; offset: number; room: Room },
): Promise<Session> {
  const session: Session = {
    outcome: "open",
    sent: 0,
    received: 0,
    rounds: 0,
    refused: 0,
    heldThrough: undefined,
    peer: undefined,
  };
  for (let pass = 0; pass < mostPasses; pass++) {
    replica.refresh();
    const { cursor } = replica;
    const { sent, received, refused } = session;
    const end = await runPass(replica, ports, session, { differ: differ && pass === 0, offset, room });
    if (end !== "settled") return { ...session, outcome: end };
    if (session.refused === refused) session.heldThrough = cursor;
    session.outcome = isEqual(replica, session) ? "equal" : "settled";
    if (session.outcome === "equal" || (session.sent === sent && session.received === received)) break;
  }
  return session;
}

/** One comparison of the whole sets. */
async function runPass(
  replica: Replica,
  { ask, rest, progress, thread }: SessionPorts,
  session: Session,
  { differ, offset, room }: { differ: boolean; offset: number; room: Room },
): Promise<"settled" | "yielded" | "failed"> {
  let ours = opening(replica.set, differ); // ranges to say, the deepest first, so that few wait at any time
  let theirs: Range[] = []; // ranges to deal with
  let most = 64; // ranges in a question: what an answer did not cover was said in vain
  let idle = 0;
  const arrivals = createArrivals(replica, {
    rest,
    thread,
    merged(taken) {
      session.received += taken.added.length;
      session.refused += taken.malformed;
      if (taken.added.length > 0) idle = 0;
      progress(session, taken);
    },
  });

  while (ours.length || theirs.length) {
    if (ours.length === 0) await arrivals.mergeAll(); // what to say depends on it
    const composed = compose(replica, arrivals.isEmpty ? theirs : [], offset, room);
    theirs = theirs.slice(composed.done);
    ours = [...composed.ranges, ...ours];
    const ranges = ours.slice(0, fitting(ours, most, room.ranges));
    const asking = ask({ offset, ranges, records: composed.records });
    await arrivals.mergeSome();
    const answer = await asking;
    if (answer?.busy === "fed") return "yielded";
    if (!answer || answer.done > ranges.length || (ranges.length > 0 && answer.done === 0)) return "failed";
    if (answer.busy === "asking" && session.sent + session.received === 0) return "yielded";
    ours = ours.slice(answer.done);
    theirs = [...answer.ranges, ...theirs];
    most = Math.max(16, 2 * answer.done);
    arrivals.add(answer.records);
    session.rounds++;
    session.sent += composed.records.length;
    session.refused += answer.refused;
    session.peer = { count: answer.count, fingerprint: Buffer.from(answer.fingerprint).toString("hex") };
    idle = composed.records.length > 0 ? 0 : idle + 1;
    if (idle > mostIdleRounds) return "failed";
  }
  await arrivals.mergeAll();
  return "settled";
}

/** How many of the first ranges go into one question. At least one. */
function fitting(ranges: readonly Range[], most: number, bytes: number): number {
  let room = bytes;
  let n = 0;
  while (n < ranges.length && n < most && room > 0) room -= bytesOf(ranges[n++]!);
  return n;
}

function isEqual(replica: Replica, { peer }: Session): boolean {
  return peer?.count === replica.set.size && peer.fingerprint === replica.fingerprint();
}
