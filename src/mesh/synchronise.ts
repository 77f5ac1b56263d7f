import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { settle } from "../ops/settle.ts";
import { embedded } from "../router/embedded.ts";
import { privateDirectory } from "../router/private-files.ts";
import { locateRouter, noRouter } from "../router/provision.ts";
import { acquireLock, meshLockPath } from "../store/lock.ts";
import { meshDirectory, readMembership } from "./membership.ts";
import { askRunning, synchronise, type Synchronised } from "./request.ts";
import { startPart, type MeshHost, type RouterChoices } from "./run.ts";

/**
 * Synchronises once: by the process of this host that takes part in the mesh already, else by a router and replicator
 * of this process's own, for as long as it takes.
 */
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
  if (!release) {
    const answer = await askRunning(host.store(), deadline, full);
    return answer ?? { moved: 0, pending: host.store().pending(), reached: false };
  }
  try {
    choices.file(membership); // both refuse at once what no patience mends
    if (!locateRouter(join(host.stateDirectory, "router"), embedded)) throw noRouter();
    const part = startPart(membership, host, choices);
    const done = await synchronise(part.replicator!, deadline, full).finally(part.stop);
    await settle(host.store(), host.database); // the replicator has ended before it could
    return done;
  } finally {
    release();
  }
}
