import { z } from "zod";
import { isLocked, meshLockPath } from "../store/lock.ts";
import { noted } from "../store/noted.ts";
import type { Store } from "../store/store.ts";
import type { PeerStatus, ReplicationStatus, SessionStatus } from "../sync/status.ts";
import type { Context } from "./context.ts";

/** The mesh as this host's replicator last saw it. */
export const meshStateSchema = z.strictObject({
  /** A process of this host takes part in the mesh now. */
  running: z.boolean(),
  /** Its router answers. */
  linked: z.boolean(),
  /** It carries the mesh for others and can read nothing of it. */
  relay: z.boolean(),
  records: z.int(),
  fingerprint: z.string(),
  pending: z.int(),
  peers: z.array(
    z.strictObject({
      name: z.string(),
      host: z.string(),
      online: z.boolean(),
      /** Its set is ours. */
      equal: z.boolean(),
      /** Records that it lacks, and that we lack, as far as counts tell. */
      behind: z.int(),
      ahead: z.int(),
      last_contact: z.string(),
      clock_offset_ms: z.int().nullable(),
      understood: z.boolean(),
    }),
  ),
  /** The comparison with a peer that is under way. */
  session: z
    .strictObject({ name: z.string(), sent: z.int(), received: z.int(), to_send: z.int(), to_receive: z.int() })
    .nullable(),
  duplicate_hosts: z.array(z.string()),
  /** What keeps this host from linking to hubs that it dials. */
  hub_problems: z.array(z.string()),
  dropped: z.record(z.string(), z.int()),
});
export type MeshState = z.output<typeof meshStateSchema>;

/**
 * What is known of the mesh without touching a network; undefined on a host of its own. One that `mesh start` or `mesh
 * join` makes part of a mesh is so for as long as that runs.
 */
export function meshState(ctx: Context): MeshState | undefined {
  const { stateDirectory } = ctx.paths;
  if (ctx.settings().backend === "local" && !isLocked(meshLockPath(stateDirectory))) return undefined;
  return readMeshState(ctx.store(), stateDirectory);
}

/** The mesh of the host whose database and state directory these are. */
export function readMeshState(store: Store, stateDirectory: string): MeshState {
  const text = store.state(noted.status);
  const seen = text === undefined ? undefined : (JSON.parse(text) as ReplicationStatus);
  const running = isLocked(meshLockPath(stateDirectory));
  const { count, fingerprint } = store.fingerprint();
  const { relay = false, linked = false, session } = seen ?? {};
  return {
    running,
    linked: running && linked,
    relay,
    records: count,
    fingerprint,
    pending: relay ? 0 : store.pending(),
    peers: [
      ...(seen?.peers ?? []).map((peer) => shown(peer, running)),
      ...(seen?.away ?? []).map((peer) => shown(peer, false)),
    ],
    session: running && session ? sessionShown(session) : null,
    duplicate_hosts: seen?.duplicateHosts ?? [],
    hub_problems: running ? (JSON.parse(store.state(noted.hubs) ?? "[]") as string[]) : [],
    dropped: seen?.dropped ?? {},
  };
}

function shown(peer: PeerStatus, online: boolean): MeshState["peers"][number] {
  return {
    name: peer.name,
    host: peer.host,
    online,
    equal: peer.equal,
    behind: Math.max(0, -peer.ahead),
    ahead: Math.max(0, peer.ahead),
    last_contact: peer.lastContact ?? "",
    clock_offset_ms: peer.clockOffset ?? null,
    understood: peer.understood,
  };
}

function sessionShown({ name, sent, received, toSend, toReceive }: SessionStatus): MeshState["session"] {
  return { name, sent, received, to_send: toSend, to_receive: toReceive };
}

/** Whether every peer that is there holds what we hold, in the words of the Python original. */
export function readiness({ linked, relay, peers }: MeshState): string {
  if (!linked) return "waiting (no session)";
  if (relay) return "yes";
  return peers.every((peer) => peer.equal || !peer.online) ? "yes" : "waiting (synchronising)";
}

/** What of the session that is under way is worth a line. */
export function sessionLines({ session }: MeshState): string[] {
  if (!session) return [];
  const { name, sent, received, to_send, to_receive } = session;
  return [`  comparing with ${name}: received ${received} (${to_receive} to come), sent ${sent} (${to_send} to go)`];
}

/** A line for each peer, and for each hub that should be one. */
export function peerLines({ peers, hub_problems }: MeshState): string[] {
  const lines = peers.map((peer) => {
    const difference = [peer.behind && `lacks ${peer.behind}`, peer.ahead && `has ${peer.ahead} more`].filter(Boolean);
    const set = peer.equal ? "same memories" : difference.join(", ") || "other memories";
    const clock =
      peer.clock_offset_ms === null ? [] : [`clock ${peer.clock_offset_ms >= 0 ? "+" : ""}${peer.clock_offset_ms} ms`];
    const contact = peer.last_contact ? [`last contact ${peer.last_contact.slice(0, 19)}`] : [];
    const words = [peer.online ? "online" : "offline", peer.understood ? set : "not understood", ...contact, ...clock];
    return `  peer ${peer.name || "?"} (${peer.host.slice(0, 8) || "?"}): ${words.join(", ")}`;
  });
  return [...lines, ...hub_problems.map((problem) => `  hub ${problem}`)];
}
