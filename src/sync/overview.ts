import { noted } from "../store/noted.ts";
import { createAcquaintances } from "./acquaintances.ts";
import type { createCatchUp } from "./catch-up.ts";
import { peerStatus, type ReplicationStatus, type SessionStatus } from "./status.ts";
import type { Peers } from "./peers.ts";
import type { ReplicaStore } from "./replica-store.ts";
import type { Replica } from "./replica.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Timing } from "./timing.ts";

/** What is looked at. */
interface Parts {
  replica: Replica;
  peers: Peers;
  catchUp: Pick<ReturnType<typeof createCatchUp>, "current">;
  pending: { readonly count: number };
  report: { readonly counts: { [reason: string]: number } };
  /** This machine's id. */
  host: string;
  linked(): boolean;
}

/** Tells how replication stands, and keeps that in the store, where processes without a mesh read it. */
export function createOverview(
  { replica, peers, catchUp, pending, report, host, linked }: Parts,
  store: Pick<ReplicaStore, "state" | "setState">,
  { scheduler, timing }: { scheduler: Scheduler; timing: Timing },
) {
  const acquaintances = createAcquaintances();
  let kept = "";

  function duplicates(): { host: string; peers: string[] }[] {
    return peers.duplicates(host, timing.duplicate, scheduler.now());
  }

  function session(): SessionStatus | undefined {
    const { current } = catchUp;
    if (!current) return undefined;
    const { sent = 0, received = 0 } = current.session ?? {};
    const more = current.peer.count - replica.set.size;
    const name = current.peer.announcement?.name ?? "";
    return { name, sent, received, toSend: Math.max(0, -more), toReceive: Math.max(0, more) };
  }

  function status(): ReplicationStatus {
    const own = { count: replica.set.size, fingerprint: replica.fingerprint() };
    peers.compare(own.fingerprint, scheduler.now());
    const here = peers.all().map((peer) => peerStatus(peer, own));
    return {
      linked: linked(),
      records: own.count,
      fingerprint: own.fingerprint,
      pending: pending.count,
      peers: here,
      away: acquaintances.away(here, own, scheduler.clock()),
      session: session(),
      duplicateHosts: duplicates().map((claim) => claim.host),
      dropped: { ...report.counts },
    };
  }

  return {
    /** Takes up who was a peer of the process before us. */
    recall: () => acquaintances.recall(store.state(noted.status)),

    duplicates,
    session,
    status,

    keep(): void {
      const text = JSON.stringify(status());
      if (text !== kept) store.setState(noted.status, text);
      kept = text;
    },
  };
}
