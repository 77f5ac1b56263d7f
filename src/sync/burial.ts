import type { MeshStorage } from "./mesh.ts";
import { erasedBy } from "./outlet.ts";
import type { Replica } from "./replica.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SealedRecord } from "./sealer.ts";
import type { Timing } from "./timing.ts";

const scanDeadline = 60_000;
/** So many ids are looked for one by one; for more everything is read. */
const mostAsked = 16;

/** How content of erased observations gets out of the storage: gives those of the ids for which it is done. */
type Way = (ids: ReadonlySet<string>) => Promise<Iterable<string>>;

/** Takes erased content out of the storage, in the way given, a little later; what fails is tried again. */
export function createBurial(
  way: Way,
  on: { running(): boolean; run(work: () => Promise<void>): void },
  { scheduler, timing }: { scheduler: Scheduler; timing: Timing },
) {
  const toBury = new Set<string>();
  let planned = false;

  function plan(delay: number): void {
    if (planned) return;
    planned = true;
    scheduler.after(delay, () => on.run(buryAll));
  }

  async function buryAll(): Promise<void> {
    const ids = new Set(toBury);
    toBury.clear(); // what is put again meanwhile is buried again
    try {
      if (on.running()) for (const id of await way(ids)) ids.delete(id);
    } finally {
      planned = false;
      for (const id of ids) toBury.add(id);
      if (toBury.size > 0) plan(ids.size > 0 ? timing.longestRetry : timing.settle);
    }
  }

  return (id: string): void => {
    toBury.add(id);
    // Every replicator hears of an erasure, one need act: the later ones by chance find it done.
    plan(scheduler.random() * timing.settle);
  };
}

/** In a sealed mesh what was erased has the name of its content, and takes its place for good. */
export function overwriting(
  replica: Replica,
  storage: MeshStorage,
  isEverywhere: (one: SealedRecord) => Promise<boolean>,
): Way {
  async function overwrite(id: string): Promise<boolean> {
    for (const marker of replica.sealed(erasedBy(replica, id))) {
      if (!(await isEverywhere(marker)) && !(await storage.put(marker.name, marker.bytes))) return false;
    }
    return true;
  }

  return async (ids) => {
    const done: string[] = [];
    for (const id of ids) if (await overwrite(id)) done.push(id);
    return done;
  };
}

/**
 * In an open mesh the Python original chose the names of its records, its peers would take nothing there for a mistake,
 * and they forget what they see deleted. The order itself is put where it is missing: the original gave it by deleting.
 */
export function removing(replica: Replica, storage: MeshStorage): Way {
  return async (ids) => {
    const found: SealedRecord[] = [];
    for (const slice of ids.size > mostAsked ? [""] : ids) {
      const visit = (name: string, bytes: Uint8Array) => {
        if (ids.has(name.slice(name.lastIndexOf("/") + 1))) found.push({ name, bytes });
      };
      if (!(await storage.scan(slice, visit, scanDeadline))) return [];
    }
    const ordered = new Set<string>();
    for (const one of found) {
      const record = replica.open(one);
      if (record?.kind === "erasure") ordered.add(record.id);
      else if (record && record.payload !== null && !(await storage.remove(one.name))) return [];
    }
    const orders = [...ids]
      .filter((id) => !ordered.has(id))
      .flatMap((id) => replica.store.find("erasure", id)?.seq ?? []);
    for (const { name, bytes } of replica.sealed(orders)) if (!(await storage.put(name, bytes))) return [];
    return ids;
  };
}
