import { UserError } from "../core/errors.ts";
import type { ReplicationStatus } from "../sync/status.ts";
import { acquireLock, meshLockPath } from "../store/lock.ts";
import { pendingCount } from "../sync/pending-count.ts";
import { meshDirectory, readMembership } from "./membership.ts";
import { startPart, type MeshHost, type RouterChoices } from "./run.ts";
import { privateDirectory } from "../router/private-files.ts";

/** What one synchronisation did: records moved either way, own ones that still wait, and whether anyone was reached. */
export interface Synchronised {
  moved: number;
  pending: number;
  reached: boolean;
}

/** Synchronises by a router and replicator of this process's own, for as long as it takes. */
export async function synchroniseOnce(
  host: MeshHost,
  choices: RouterChoices,
  deadline: number,
  full: boolean,
): Promise<Synchronised> {
  const directory = privateDirectory(meshDirectory(host.stateDirectory));
  const membership = readMembership(directory);
  if (!membership || membership.kind === "relay") {
    throw new UserError("unavailable", "this host has no key of the mesh", { hint: "kioku-mesh mesh join -" });
  }
  const release = acquireLock(meshLockPath(host.stateDirectory));
  if (!release) return await waitForRunning(host, deadline);
  const before = pendingCount(host.store());
  const part = startPart(membership, host, choices);
  try {
    const { session, reading, pending } = await part.replicator!.synchronise(deadline, full);
    const sent = Math.max(session?.sent ?? 0, before - pending); // what the storage took went by no session
    return {
      moved: sent + (session?.received ?? 0) + (reading?.added ?? 0),
      pending,
      reached: session?.heldThrough !== undefined || reading !== undefined,
    };
  } finally {
    await part.stop();
    release();
  }
}

/** Waits for the process that takes part in the mesh already to have nothing pending. */
export async function waitForRunning(host: MeshHost, deadline: number): Promise<Synchronised> {
  const end = Date.now() + deadline;
  const before = pendingCount(host.store());
  for (;;) {
    const pending = pendingCount(host.store());
    if (pending === 0 || Date.now() >= end) {
      return { moved: Math.max(0, before - pending), pending, reached: replicationOf(host)?.linked ?? false };
    }
    await Bun.sleep(50);
  }
}

function replicationOf(host: MeshHost): ReplicationStatus | undefined {
  const text = host.store().state("mesh.status");
  return text === undefined ? undefined : (JSON.parse(text) as ReplicationStatus);
}
