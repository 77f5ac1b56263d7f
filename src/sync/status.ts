import { timestamp } from "../core/time.ts";
import type { Session } from "./exchange.ts";
import type { StorageReading } from "./keeper.ts";
import type { PeerId } from "./mesh.ts";
import { isUnderstood, type Peer } from "./peers.ts";

/** What one synchronisation on request did. */
export interface Synchronisation {
  /** The session with a peer; undefined where none could be had in time. */
  session: Session | undefined;
  /** The reading of the storage, where it was asked for. */
  reading: StorageReading | undefined;
  pending: number;
}

/** What replication knows of one peer. Counts and equality are the peer's word, or follow from a session with it. */
export interface PeerStatus {
  peer: PeerId;
  host: string;
  name: string;
  /** Its set, as last heard. */
  count: number;
  fingerprint: string;
  /** Whether its set is ours. */
  equal: boolean;
  /** How many records it has more than we, or fewer where negative. */
  ahead: number;
  /** When it last answered us; undefined where it never has. */
  lastContact: string | undefined;
  /** How many milliseconds its clock is ahead of ours; undefined where it never answered. */
  clockOffset: number | undefined;
  /** False where it speaks no protocol version that we speak, or nothing that we can open. */
  understood: boolean;
}

/** The state of replication, as `status` and `doctor` show it. Plain data: it is kept in the store as JSON. */
export interface ReplicationStatus {
  linked: boolean;
  records: number;
  fingerprint: string;
  /** Own records that no peer and no storage is known to have. */
  pending: number;
  peers: PeerStatus[];
  /** Hosts that were peers before and are not here now. `lastContact` is then when they were last here. */
  away: PeerStatus[];
  /** The session that runs. */
  session: SessionStatus | undefined;
  /** Host ids that more than one peer claims: a disk was cloned. */
  duplicateHosts: string[];
  /** What was dropped, by what it was and why. */
  dropped: { [reason: string]: number };
  /** A relay carries records without taking part. */
  relay?: true;
}

/** A session, and how many records are still to come and to go, as far as counts tell. */
export interface SessionStatus {
  /** What people call the peer. */
  name: string;
  sent: number;
  received: number;
  toSend: number;
  toReceive: number;
}

/** Something a person should hear of once. */
export type Notice =
  | { kind: "dropped"; what: string; reason: string }
  | { kind: "notUnderstood"; peer: PeerId; reason: string }
  | { kind: "duplicateHost"; host: string; peers: PeerId[] }
  | { kind: "storageWiped"; missing: number }
  | { kind: "failed"; error: unknown };

/** A peer as people see it, beside our own set, with which it was compared: who does not differ has the same. */
export function peerStatus(peer: Peer, own: { count: number; fingerprint: string }): PeerStatus {
  const { id, announcement, differsSince, lastContact, clockOffset } = peer;
  const { count, fingerprint } = differsSince === undefined ? own : peer;
  const status = {
    peer: id,
    host: announcement?.host ?? "",
    name: announcement?.name ?? "",
    count,
    fingerprint,
    lastContact: lastContact === undefined ? undefined : timestamp(lastContact),
    clockOffset,
    understood: isUnderstood(peer),
  };
  return compared(status, own);
}

/** The same, compared with our own set as it is now. */
export function compared(
  peer: Omit<PeerStatus, "equal" | "ahead">,
  own: { count: number; fingerprint: string },
): PeerStatus {
  return { ...peer, equal: peer.fingerprint === own.fingerprint, ahead: peer.count - own.count };
}

/** What a relay shows of itself, in the place of a replicator. */
export function relayStatusText(linked: boolean): string {
  const nothing = { records: 0, fingerprint: "", pending: 0, peers: [], away: [], duplicateHosts: [], dropped: {} };
  return JSON.stringify({ relay: true, linked, session: undefined, ...nothing } satisfies ReplicationStatus);
}
