import { createSecondThread, type StartThread } from "../store/second-thread.ts";
import { reconcileWith, usualRoom, type Session } from "./exchange.ts";
import type { Answer, Busy, Question } from "./message.ts";
import type { PeerId } from "./mesh.ts";
import { isUnderstood, type Peer, type Peers } from "./peers.ts";
import { idOffsets } from "./reconcile.ts";
import type { Replica, Taken } from "./replica.ts";
import { pause, pick, type Scheduler } from "./scheduler.ts";
import type { Timing } from "./timing.ts";

/** Who lacks so many records is better off when he asks for them, and with a second thread once they have come. */
const much = 2_000;

/** What the choice of partners needs to know of its surroundings. */
export interface CatchUpPorts {
  ask(peer: Peer, question: Question): Promise<Answer | undefined>;
  taken(taken: Taken): void;
  /** A session with a peer has ended. */
  ended(session: Session, peer: Peer): void;
  /** Rows of this host of which no peer and no storage is known to have them. */
  pending(): number;
  startThread: StartThread;
  /** The store could not do its part. */
  failed(error: unknown): void;
}

/**
 * Decides when to compare sets and with whom, one partner at a time: after connecting; when a peer's set has differed
 * for longer than live traffic explains; while rows of ours are pending; and now and then for no reason, because
 * announcements are only hearsay: they may start a session, they never keep one from happening.
 */
export function createCatchUp(
  replica: Replica,
  peers: Peers,
  ports: CatchUpPorts,
  { scheduler, timing }: { scheduler: Scheduler; timing: Timing },
) {
  let current: { peer: Peer; session: Session | undefined } | undefined;
  let second: ReturnType<typeof createSecondThread> | undefined; // as long as a session
  let greeted = true;
  let greetAt = 0;
  let slowAt = 0;
  let restraint = 0; // how long to wait after sessions that found nothing
  let restrainedUntil = 0;
  let confirmAt = 0;
  let feeder: { peer: PeerId; at: number } | undefined; // who brings us records; one at a time, or most come twice
  let fedAt = Number.NEGATIVE_INFINITY; // when anybody last brought some

  function later(delay: number): number {
    return scheduler.now() + delay * (0.5 + scheduler.random());
  }

  /** For how long a peer's set may differ: the announcements of many are spread as far. */
  function settle(): number {
    return timing.settle + timing.jitterPerPeer * peers.size;
  }

  function partner(now: number): { peer: Peer; differ: boolean } | undefined {
    const candidates = peers.all().filter((peer) => isUnderstood(peer) && peer.retryAt <= now);
    const differing = candidates.filter(({ differsSince }) => differsSince !== undefined);
    const overdue = differing.filter(({ differsSince }) => now - differsSince! >= settle());
    const chosen =
      (!greeted && now >= greetAt && (pick(differing, scheduler) ?? pick(candidates, scheduler))) ||
      (now >= restrainedUntil && pick(overdue, scheduler)) ||
      (now >= confirmAt && ports.pending() > 0 && pick(candidates, scheduler)) ||
      (now >= slowAt && pick(candidates, scheduler)) ||
      undefined;
    return chosen && { peer: chosen, differ: chosen.differsSince !== undefined };
  }

  async function run(peer: Peer, differ: boolean): Promise<Session> {
    current = { peer, session: undefined };
    const offset = idOffsets.first + Math.floor(scheduler.random() * (idOffsets.last - idOffsets.first + 1));
    const thread = (second = createSecondThread(ports.startThread, much));
    let session: Session | undefined;
    try {
      session = await reconcileWith(
        replica,
        {
          ask: (question) => ports.ask(peer, question),
          rest: () => pause(timing.rest, scheduler),
          thread: () => thread.current,
          progress(now, taken) {
            if (current) current.session = now;
            thread.received(now.received);
            fedBy(peer.id, taken, true);
            ports.taken(taken);
          },
        },
        { differ, offset, room: usualRoom },
      );
    } catch (error) {
      ports.failed(error);
    } finally {
      thread.end();
    }
    const ended = session ?? failedSession();
    note(peer, ended);
    current = undefined;
    if (feeder?.peer === peer.id) feeder = undefined;
    ports.ended(ended, peer);
    return ended;
  }

  function fedBy(peer: PeerId, taken: Taken, more: boolean): void {
    const now = scheduler.now();
    if (taken.added.length > 0) fedAt = now;
    if (isFedByOther(peer)) return;
    if (!more) feeder = undefined;
    else if (taken.added.length > 0) feeder = { peer, at: now };
  }

  function isFedByOther(peer: PeerId): boolean {
    return feeder !== undefined && feeder.peer !== peer && scheduler.now() - feeder.at < timing.tick;
  }

  /** How many records a peer has more than we, by what it last told. */
  function lackOf(id: PeerId): number {
    return (peers.get(id)?.count ?? 0) - replica.set.size;
  }

  /** Of two who begin to ask each other together, who lacks much goes on, else the lower id. */
  function asksFirst(id: PeerId, self: PeerId): boolean {
    const lack = lackOf(id);
    return Math.abs(lack) >= much ? lack > 0 : self < id;
  }

  /** Who lacks much asks by himself when he is asked: then he writes one answer while the next is being made. */
  function asksInstead(id: PeerId): boolean {
    const peer = peers.get(id);
    const mayAsk = peer && isUnderstood(peer) && peer.retryAt <= scheduler.now() && !current && !feeder;
    if (!mayAsk || lackOf(id) < much) return false;
    scheduler.after(0, () => current ?? void run(peer, true));
    return true;
  }

  /** What a session means for the next ones. */
  function note(peer: Peer, session: Session): void {
    if (session.outcome === "failed" || session.outcome === "yielded") {
      peer.failures++;
      peer.retryAt = later(Math.min(timing.longestRetry, timing.retry * 2 ** (peer.failures - 1)));
      return;
    }
    peer.failures = 0;
    greeted = true;
    slowAt = later(timing.slow);
    confirmAt = later(timing.settle);
    if (session.peer) Object.assign(peer, session.peer);
    peer.differsSince = undefined;
    const found = session.sent + session.received > 0;
    restraint = found ? 0 : Math.min(timing.longestRestraint, Math.max(timing.settle, restraint * 2));
    restrainedUntil = later(restraint);
  }

  return {
    /** The link is up: the first session comes soon. */
    linked(): void {
      greeted = false;
      greetAt = later(timing.jitter);
      slowAt = later(timing.slow);
      restraint = 0;
      restrainedUntil = 0;
    },

    /**
     * A peer has come: whatever was found before, its set is news, and no traffic of ours explains a difference. All
     * others see it come: who is late by chance finds it fed, or knowing all.
     */
    peerCame(peer: Peer): void {
      restraint = 0;
      restrainedUntil = 0;
      peer.differsSince = scheduler.now() - settle() + scheduler.random() * timing.jitterPerPeer * peers.size;
    },

    /** Starts a session where one is due. */
    tick(): void {
      if (current) return;
      const now = scheduler.now();
      peers.compare(replica.fingerprint(), now);
      const chosen = partner(now);
      if (chosen) void run(chosen.peer, chosen.differ);
    },

    /** A session with any peer, now. Undefined while one runs, or where nobody is there to talk to. */
    async runNow(): Promise<Session | undefined> {
      const peer = current ? undefined : pick(peers.all().filter(isUnderstood), scheduler);
      return peer && run(peer, peer.differsSince !== undefined);
    },

    /** Whether a peer who asks must wait, and be asked instead. */
    busyFor(peer: PeerId, self: PeerId): Busy {
      if (isFedByOther(peer)) return "fed";
      if (current?.peer.id === peer) return current.session || asksFirst(peer, self) ? "asking" : "no";
      return asksInstead(peer) ? "asking" : "no";
    },

    /** What a peer brings by his questions, and whether there may be more. */
    fedBy,

    /** Records are coming from a peer, by his questions or our own, or came a moment ago. */
    get isFed() {
      return current !== undefined || scheduler.now() - fedAt < 2 * timing.settle;
    },

    get current() {
      return current;
    },

    /** No session goes on from here. */
    stop: () => second?.end(),
  };
}

function failedSession(): Session {
  return {
    outcome: "failed",
    sent: 0,
    received: 0,
    rounds: 0,
    refused: 0,
    heldThrough: undefined,
    peer: undefined,
  };
}
