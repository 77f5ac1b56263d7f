import { protocol, type Announcement } from "./message.ts";
import type { PeerId } from "./mesh.ts";

/** A peer that is present, and what is believed about it. */
export interface Peer {
  id: PeerId;
  /** What it said last; undefined where that could not be read. */
  announcement: Announcement | undefined;
  /** Size and fingerprint of its set, as last heard: announced, or told in an answer. */
  count: number;
  fingerprint: string;
  /** Since when it has announced what it announces, and when it last did. */
  saidAt: number;
  heardAt: number;
  /** Since when it is taken to differ from ours; undefined while it does not. */
  differsSince: number | undefined;
  presentSince: number;
  /** When it last answered us, and how far its clock is ahead of ours then. Undefined before that. */
  lastContact: number | undefined;
  clockOffset: number | undefined;
  /** How often in a row it did not answer or had no time, and until when it is left alone. */
  failures: number;
  retryAt: number;
}

export type Peers = ReturnType<typeof createPeers>;

/** So many peers that announce a set speak for all who have it. Whoever has another one hears them, and compares. */
const enough = 4;

/** So many of whom nothing can be read are told of. Without the key anyone at a router can make up more. */
const mostStrangers = 32;

/** The peers that are present now. */
export function createPeers() {
  const peers = new Map<PeerId, Peer>();
  let own = { fingerprint: "", saidAt: 0 };

  /** Since when enough peers, with us, announce this set; undefined while they are fewer. */
  function agreedSince(fingerprint: string): number | undefined {
    const words = Array.from(peers.values(), ({ announcement, saidAt }) => ({ ...announcement, saidAt }));
    const agreeing = [own, ...words].filter((word) => word.fingerprint === fingerprint);
    return agreeing.map(({ saidAt }) => saidAt).toSorted((a, b) => a - b)[enough - 1];
  }

  /** The peers that have said something. */
  function acquainted(): Peer[] {
    return [...peers.values()].filter(({ announcement }) => announcement !== undefined);
  }

  return {
    /** How many there are to wait for: whoever makes up others, whom nobody can read, slows nobody down. */
    get size() {
      return acquainted().length;
    },
    get: (id: PeerId) => peers.get(id),
    all: () => [...peers.values()],
    clear: () => peers.clear(),
    left: (id: PeerId) => peers.delete(id),

    /**
     * Notes what a peer has announced; undefined stands for what nobody here can read. That does not undo what could be
     * read before: anyone at the router can say something under a peer's id. Undefined where it is one stranger too many.
     */
    present(id: PeerId, announcement: Announcement | undefined, now: number): Peer | undefined {
      const known = peers.get(id);
      if (!known && !announcement && peers.size - acquainted().length >= mostStrangers) return undefined;
      const peer = known ?? newcomer(id, now);
      if (announcement) {
        if (peer.announcement?.fingerprint !== announcement.fingerprint) peer.saidAt = now;
        peer.heardAt = now;
        peer.announcement = announcement;
        peer.count = announcement.count;
        peer.fingerprint = announcement.fingerprint;
      }
      peers.set(id, peer);
      return peer;
    },

    /** Notes what we have announced. */
    told(fingerprint: string, now: number): void {
      if (own.fingerprint !== fingerprint) own = { fingerprint, saidAt: now };
    },

    /** Whether enough peers announce this set, so that we need not. */
    isAnnounced: (fingerprint: string) => agreedSince(fingerprint) !== undefined,

    /** Compares what the peers last told of their sets with ours. Who was silent after enough had said ours, has it. */
    compare(fingerprint: string, now: number): void {
      const agreed = agreedSince(fingerprint) ?? Number.NEGATIVE_INFINITY;
      for (const peer of peers.values()) {
        if (peer.fingerprint === fingerprint || peer.heardAt < agreed) peer.differsSince = undefined;
        else peer.differsSince ??= now;
      }
    },

    /** Host ids that more than one peer claims, or that a peer shares with us, all of them for at least `age`. */
    duplicates(ownHost: string, age: number, now: number): { host: string; peers: PeerId[] }[] {
      const claims = new Map<string, PeerId[]>([[ownHost, []]]);
      for (const { id, announcement, presentSince } of peers.values()) {
        if (!announcement || now - presentSince < age) continue;
        claims.set(announcement.host, [...(claims.get(announcement.host) ?? []), id]);
      }
      return [...claims]
        .map(([host, ids]) => ({ host, peers: ids }))
        .filter((claim) => claim.peers.length > (claim.host === ownHost ? 0 : 1));
    },
  };
}

/** True where peer and we have a protocol version in common. */
export function isUnderstood(peer: Peer): boolean {
  const { announcement } = peer;
  return announcement !== undefined && announcement.oldest <= protocol.newest && announcement.newest >= protocol.oldest;
}

function newcomer(id: PeerId, now: number): Peer {
  return {
    id,
    announcement: undefined,
    count: 0,
    fingerprint: "",
    saidAt: now,
    heardAt: now,
    differsSince: now,
    presentSince: now,
    lastContact: undefined,
    clockOffset: undefined,
    failures: 0,
    retryAt: 0,
  };
}
