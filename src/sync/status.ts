import { timestamp } from "../core/time.ts";
import type { PeerId } from "./mesh.ts";
import { isUnderstood, type Peer } from "./peers.ts";

/** What replication knows of one peer. Counts and equality are the peer's word, or follow from a session with it. */
export interface PeerStatus {
  peer: PeerId;
  host: string;
  name: string;
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
  /** The session that runs. */
  session: { host: string; sent: number; received: number; toReceive: number } | undefined;
  /** Host ids that more than one peer claims: a disk was cloned. */
  duplicateHosts: string[];
  /** What was dropped, by what it was and why. */
  dropped: { [reason: string]: number };
}

/** Something a person should hear of once. */
export type Notice =
  | { kind: "dropped"; what: string; reason: string }
  | { kind: "notUnderstood"; peer: PeerId; reason: string }
  | { kind: "duplicateHost"; host: string; peers: PeerId[] }
  | { kind: "storageWiped"; missing: number }
  | { kind: "failed"; error: unknown };

/** A peer as people see it, beside our own set. */
export function peerStatus(peer: Peer, own: { count: number; fingerprint: string }): PeerStatus {
  return {
    peer: peer.id,
    host: peer.announcement?.host ?? "",
    name: peer.announcement?.name ?? "",
    equal: peer.fingerprint === own.fingerprint,
    ahead: peer.count - own.count,
    lastContact: peer.lastContact === undefined ? undefined : timestamp(peer.lastContact),
    clockOffset: peer.clockOffset,
    understood: isUnderstood(peer),
  };
}
