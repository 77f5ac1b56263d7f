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
  /** Since when it is known to differ from ours, always for one who has just come; undefined while it does not. */
  differsSince: number | undefined;
  presentSince: number;
  /** When it last answered us, and how far its clock is ahead of ours then. Undefined before that. */
  lastContact: number | undefined;
  clockOffset: number | undefined;
  /** How often in a row it did not answer, and until when it is left alone. */
  failures: number;
  retryAt: number;
}

export type Peers = ReturnType<typeof createPeers>;

/** The peers that are present now. */
export function createPeers() {
  const peers = new Map<PeerId, Peer>();

  return {
    get size() {
      return peers.size;
    },
    get: (id: PeerId) => peers.get(id),
    all: () => [...peers.values()],
    clear: () => peers.clear(),
    left: (id: PeerId) => peers.delete(id),

    /**
     * Notes what a peer has announced; undefined stands for what nobody here can read. That does not undo what could be
     * read before: anyone at the router can say something under a peer's id.
     */
    present(id: PeerId, announcement: Announcement | undefined, now: number): void {
      const peer = peers.get(id) ?? newcomer(id, now);
      if (announcement) {
        peer.announcement = announcement;
        peer.count = announcement.count;
        peer.fingerprint = announcement.fingerprint;
      }
      peers.set(id, peer);
    },

    /** Compares what the peers last told of their sets with ours. */
    compare(fingerprint: string, now: number): void {
      for (const peer of peers.values()) {
        if (peer.fingerprint === fingerprint) peer.differsSince = undefined;
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
    differsSince: Number.NEGATIVE_INFINITY, // no traffic of ours explains a difference to one who was not there
    presentSince: now,
    lastContact: undefined,
    clockOffset: undefined,
    failures: 0,
    retryAt: 0,
  };
}
