import type { Record } from "../core/record.ts";
import type { MeshStorage } from "./mesh.ts";
import { createBurial, overwriting, removing } from "./burial.ts";
import type { Replica, Taken } from "./replica.ts";
import { pause, type Scheduler } from "./scheduler.ts";
import type { SealedRecord } from "./sealer.ts";
import type { Timing } from "./timing.ts";

const page = 64;
const mergedAtOnce = 256;
const samples = 8;
const getDeadline = 2_000;
const scanDeadline = 60_000;
const mostForgone = 4_096;
/** Records a slice of the storage should have at most: what one scan holds in memory. */
const sliceRecords = 8_192;

/** What a reading of the storage found. */
export interface StorageReading {
  /** Records that were new here. */
  added: number;
  /** Records of ours that it lacked; they were put, unless that is not allowed. */
  missing: number;
  /** All that is reachable was read, for only then is what was not found missing, and what was put has been taken. */
  whole: boolean;
}

/**
 * Looks after the routers' storage, the cache of the set that carries it while replicators are down: reads it, fills it
 * when it was wiped, and takes out of it what was erased. In an open mesh nothing is filled: a record that a scan did not
 * find may have been deleted by the Python original.
 */
export function createKeeper(
  replica: Replica,
  storage: MeshStorage,
  on: { taken(taken: Taken): void; running(): boolean; run(work: () => Promise<void>): void },
  { scheduler, timing, open }: { scheduler: Scheduler; timing: Timing; open: boolean },
) {
  let reading = false;
  let confirming = false;
  const forgone = new Set<string>();
  const way = open ? removing(replica, storage) : overwriting(replica, storage, isEverywhere);

  async function holds({ name, bytes }: SealedRecord): Promise<boolean> {
    const held = await storage.get(name, getDeadline);
    return held.some((one) => Buffer.compare(one, bytes) === 0);
  }

  /** No storage that answers has anything else under the name: one may be ahead of the others. */
  async function isEverywhere({ name, bytes }: SealedRecord): Promise<boolean> {
    const held = await storage.get(name, getDeadline);
    return held.length > 0 && held.every((one) => Buffer.compare(one, bytes) === 0);
  }

  /** Reads one slice; marks the rows it has in `seen`. Undefined where it was not read to its end. */
  async function readSlice(slice: string, seen: Uint8Array): Promise<{ added: number } | undefined> {
    const found = new Map<string, Record>(); // only what opens, and each once: others can answer with as much as they like
    const visit = (name: string, bytes: Uint8Array) => {
      const record = replica.accept({ name, bytes });
      if (record) found.set(`${name} ${Buffer.from(record.digest).toString("hex")} ${record.payload === null}`, record);
    };
    const whole = await storage.scan(slice, visit, scanDeadline);
    const records = [...found.values()];
    let added = 0;
    for (let i = 0; i < records.length && on.running(); i += mergedAtOnce) {
      const taken = replica.merge(records.slice(i, i + mergedAtOnce));
      added += taken.added.length;
      for (const seq of taken.rows) seen[seq >> 3]! |= 1 << (seq & 7);
      on.taken(taken);
      await pause(0, scheduler); // live traffic goes first
    }
    return whole && on.running() ? { added } : undefined;
  }

  /** Puts the rows up to `last` that are not marked. Gives how many there were, and whether all were taken. */
  async function fill(seen: Uint8Array, last: number, mayFill: boolean) {
    let missing = 0;
    let whole = true;
    for (let after = 0; after < last && on.running();) {
      const rows = replica.store.rows(after, page).filter(({ seq }) => seq <= last);
      if (rows.length === 0) break;
      after = rows.at(-1)!.seq;
      const lacking = rows.map(({ seq }) => seq).filter((seq) => !(seen[seq >> 3]! & (1 << (seq & 7))));
      if (lacking.length === 0) continue;
      missing += lacking.length;
      if (!mayFill) continue;
      for (const { name, bytes } of replica.sealed(lacking)) whole = (await storage.put(name, bytes)) && whole;
      await pause(timing.fillPause, scheduler);
    }
    return { missing, whole: whole && on.running() };
  }

  return {
    /** Reads all of the storage in slices, merges what is new, and puts what it lacks, or only tells. Undefined while one runs. */
    async read(mayFill = true): Promise<StorageReading | undefined> {
      if (reading) return undefined;
      reading = true;
      try {
        replica.refresh();
        const last = replica.cursor;
        const seen = new Uint8Array((last >> 3) + 1);
        const result: StorageReading = { added: 0, missing: 0, whole: true };
        for (const slice of slicesFor(replica.set.size)) {
          const read = on.running() ? await readSlice(slice, seen) : undefined;
          if (read) result.added += read.added;
          else result.whole = false;
        }
        return result.whole ? { ...result, ...(await fill(seen, last, mayFill && !open)) } : result;
      } finally {
        reading = false;
      }
    },

    /** Looks for a few records by chance. False where one is not there: then the storage may have been wiped. */
    async isIntact(): Promise<boolean> {
      const { set } = replica;
      for (let i = 0; i < samples && set.size > 0; i++) {
        const ref = memberByChance(replica, scheduler);
        for (const one of ref === undefined ? [] : replica.sealed([ref])) {
          if ((await storage.get(one.name, getDeadline)).length === 0) return false;
        }
      }
      return true;
    },

    /**
     * Puts the records of some names again where the storage has lost them, or has something in their place that does not
     * open. Gives how many, and whether all were taken. Only a pass over the log tells which records these are.
     */
    async mend(names: Iterable<string>): Promise<{ missing: number; whole: boolean }> {
      const lost = new Set<string>();
      for (const name of names) {
        const held = await storage.get(name, getDeadline);
        if (held.length === 0 || held.some((bytes) => !replica.open({ name, bytes }))) lost.add(name);
      }
      let missing = 0;
      let whole = true;
      for (let after = 0; lost.size > 0 && on.running();) {
        const rows = replica.store.rows(after, page);
        if (rows.length === 0) break;
        after = rows.at(-1)!.seq;
        for (const one of replica.sealed(rows.map(({ seq }) => seq))) {
          if (!lost.delete(one.name)) continue;
          missing++;
          whole = (await storage.put(one.name, one.bytes)) && whole;
        }
        await pause(0, scheduler);
      }
      return { missing, whole: whole && on.running() };
    },

    /**
     * Looks for this host's own rows after one, and tells `held` the number up to which the storage has all of them.
     * What it lacks is put, and will be found the next time, unless somebody was seen deleting it. Nothing happens while
     * it is under way already.
     */
    async confirm(after: number, held: (seq: number) => void): Promise<void> {
      if (confirming) return;
      confirming = true;
      try {
        for (let rows = replica.store.rows(after, page); rows.length && on.running();) {
          const own = replica.sealed(rows.filter(({ received }) => !received).map(({ seq }) => seq));
          const found = await Promise.all(own.map(holds));
          const lacking = own.filter(({ name }, i) => !found[i] && !forgone.has(name));
          for (const { name, bytes } of lacking) await storage.put(name, bytes);
          if (lacking.length > 0 || !on.running()) return;
          const { seq } = rows.at(-1)!;
          held(seq);
          rows = replica.store.rows(seq, page);
        }
        forgone.clear();
      } finally {
        confirming = false;
      }
    },

    /** What is under a name was there, and is not to be put again: the Python original has taken it out of an open mesh. */
    forgo(name: string): void {
      if (forgone.size < mostForgone) forgone.add(name);
    },

    /** Sees to it that the storage has no content of an erased observation any more, a little later. */
    bury: createBurial(way, on, { scheduler, timing }),
  };
}

/** Slices of at most `sliceRecords` each, were the names spread evenly, which they are. */
function slicesFor(count: number): string[] {
  let slices = [""];
  while (count / slices.length > sliceRecords) {
    slices = slices.flatMap((slice) => [..."0123456789abcdef"].map((digit) => slice + digit));
  }
  return slices;
}

function memberByChance(replica: Replica, scheduler: Scheduler): number | undefined {
  const { set } = replica;
  let prefix = "";
  while (set.count(prefix) > 16) {
    const digits = [..."0123456789abcdef"].filter((digit) => set.count(prefix + digit) > 0);
    prefix += digits[Math.floor(scheduler.random() * digits.length)]!;
  }
  const members = [...set.members(prefix)];
  return members[Math.floor(scheduler.random() * members.length)]?.ref;
}
