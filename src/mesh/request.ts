import { parseObject } from "../core/json.ts";
import type { Store } from "../store/store.ts";
import type { Replicator } from "../sync/replicator.ts";

/** What one synchronisation did: records moved either way, own ones that still wait, and whether anyone was reached. */
export interface Synchronised {
  moved: number;
  pending: number;
  reached: boolean;
}

/** Where commands leave their request for the process that takes part in the mesh, and find its answer. */
const requestKey = "mesh.request";
const answerKey = "mesh.answer";

/** More than can be seen, one at each look, while a command waits and may put its own request there again. */
const remembered = 100;

type Notes = Pick<Store, "state" | "setState">;

/** Synchronises within `deadline` milliseconds; `full` also reads the router's storage. */
export async function synchronise(replicator: Replicator, deadline: number, full: boolean): Promise<Synchronised> {
  const before = replicator.status();
  const { session, reading, pending } = await replicator.synchronise(deadline, full);
  // What the storage took went by no session of ours, and what peers brought came by theirs.
  const sent = Math.max(session?.sent ?? 0, before.pending - pending);
  const received = Math.max(
    (session?.received ?? 0) + (reading?.added ?? 0),
    replicator.status().records - before.records,
  );
  return {
    moved: sent + received,
    pending,
    reached: session?.heldThrough !== undefined || reading !== undefined,
  };
}

/** Asks the process of this host that takes part in the mesh to synchronise; undefined where it did not in time. */
export async function askRunning(notes: Notes, deadline: number, full: boolean): Promise<Synchronised | undefined> {
  const id = crypto.randomUUID();
  const request = JSON.stringify({ id, deadline, full });
  const end = performance.now() + deadline + 1_000; // a clock that is set back must keep nobody waiting
  for (let tries = 0; performance.now() < end; tries++) {
    const answer = parseObject(notes.state(answerKey) ?? "");
    if (answer?.id === id) return answer as unknown as Synchronised;
    // Another command's request may have taken the place of ours before it was seen.
    if (tries % 4 === 0 && notes.state(requestKey) !== request) notes.setState(requestKey, request);
    await Bun.sleep(50);
  }
  return undefined;
}

/** The other side: carries out each request once. To be called now and then. */
export function createResponder(notes: Notes, replicator: Replicator) {
  const seen = new Set([notes.state(requestKey)]); // one from before has nobody waiting for it
  let busy = false;

  return async (): Promise<void> => {
    const text = notes.state(requestKey);
    if (busy || seen.has(text)) return;
    seen.add(text);
    if (seen.size > remembered) seen.delete(seen.values().next().value);
    const { id, deadline, full } = parseObject(text ?? "") ?? {};
    if (typeof id !== "string" || typeof deadline !== "number") return;
    busy = true;
    try {
      const done = await synchronise(replicator, deadline, full === true);
      notes.setState(answerKey, JSON.stringify({ id, ...done }));
    } finally {
      busy = false;
    }
  };
}
