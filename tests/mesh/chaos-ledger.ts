import { Database } from "bun:sqlite";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readMembership } from "../../src/mesh/membership.ts";
import { sealRecord } from "../../src/seal/record-seal.ts";
import { openStore } from "../../src/store/store.ts";
import type { Host } from "./hosts.ts";

/** Content that had to go, in the two forms in which it lay on disks. */
interface Erased {
  id: string;
  content: string;
  sealed: Uint8Array | undefined;
}

interface Search {
  host: Host;
  what: string;
  bytes: Uint8Array;
}

export type Ledger = ReturnType<typeof createLedger>;

/**
 * What was acknowledged, and what of it must be on every host. A record that a command has acknowledged may be missing
 * in the end only where each database that had it was lost or replaced by an older one before another host had it.
 */
export function createLedger(hosts: readonly Host[]) {
  const required = new Set<string>();
  const contents = new Map<string, string>();
  const erased = new Map<string, Erased>();
  let found: Search[] = [];

  return {
    /** The id of each save of the plan, by number; undefined for one that was not acknowledged. */
    ids: [] as (string | undefined)[],
    get acknowledged() {
      return contents.size;
    },
    get required() {
      return required.size;
    },

    saved(id: string, content: string): void {
      contents.set(id, content);
      required.add(`observation/${id}`);
    },

    deleted: (id: string) => required.add(`tombstone/${id}`),

    /** Before a command that may erase these. What no database has any more, no search of the disks can be made for. */
    aboutToErase(ids: readonly string[]): void {
      for (const id of ids) {
        const content = contents.get(id);
        if (content && !erased.has(id)) erased.set(id, { id, content, sealed: sealedBytes(hosts, id) });
      }
    },

    /** After such a command: what it has ordered stands in the database. */
    erasedOn(host: Host): void {
      for (const key of identitiesOf(host)) if (key.startsWith("erasure/")) required.add(key);
    },

    /** A disk was replaced: what no database has any more cannot be asked for. It may still come, from a storage. */
    diskReplaced(): void {
      const kept = hosts.map(identitiesOf);
      for (const key of required) if (!kept.some((keys) => keys.has(key))) required.delete(key);
    },

    /** What is wrong on a host, where all is quiet. */
    problemsOf(host: Host): string[] {
      const identities = identitiesOf(host);
      const problems = [...required].filter((key) => !identities.has(key)).map((key) => `${host.name} lacks ${key}`);
      const store = openStore(join(host.state, "memory.db"), () => "");
      try {
        for (const [id, content] of contents) {
          const found = store.observation(id, "");
          if (identities.has(`erasure/${id}`)) {
            if (found || store.record("tombstone", id)?.payload)
              problems.push(`${host.name} has content of erased ${id}`);
          } else if (identities.has(`tombstone/${id}`)) {
            if (found && found.state !== "tombstoned") problems.push(`${host.name} shows deleted ${id}`);
          } else if (identities.has(`observation/${id}`)) {
            if (found?.observation.content !== content) problems.push(`${host.name} has other content for ${id}`);
            else if (found.state === "tombstoned") problems.push(`${host.name} hides ${id}, which nobody deleted`);
          }
        }
      } finally {
        store.close();
      }
      return problems;
    },

    /**
     * Which erased content still lies in the files of hosts, in words. Looks for all of it, or, where something was found
     * the last time, only for that.
     */
    remains(): string[] {
      if (found.length === 0) {
        const due = [...erased.values()].filter(({ id }) => required.has(`erasure/${id}`));
        found = hosts.flatMap((host) => due.flatMap((one) => searchesFor(host, one)));
      }
      found = hosts.flatMap((host) => {
        const files = [...filesOf(host)];
        return found.filter((one) => one.host === host && files.some((file) => file.includes(one.bytes)));
      });
      return found.map(({ what }) => what);
    },
  };
}

function searchesFor(host: Host, { id, content, sealed }: Erased): Search[] {
  const clear = { host, what: `${host.name} has erased ${id} in clear`, bytes: Buffer.from(content) };
  return sealed ? [clear, { host, what: `${host.name} has erased ${id} sealed`, bytes: sealed }] : [clear];
}

/** All records of a host, with their digests: the set, read without the program's help. */
export function setOf(host: Host): string {
  const sql = "select kind || ' ' || id || ' ' || hex(digest) as text from record order by kind, id";
  return readDatabase(host, (db) => db.query<{ text: string }, []>(sql).all())
    .map(({ text }) => text)
    .join("\n");
}

/** The observations that are withdrawn on a host, and not yet erased. */
export function withdrawnOn(host: Host): string[] {
  const sql = "select id from record where kind = 'tombstone' and payload is not null";
  return readDatabase(host, (db) => db.query<{ id: string }, []>(sql).all()).map(({ id }) => id);
}

export function identitiesOf(host: Host): Set<string> {
  const sql = "select kind || '/' || id as key from record";
  return new Set(readDatabase(host, (db) => db.query<{ key: string }, []>(sql).all()).map(({ key }) => key));
}

function readDatabase<T>(host: Host, read: (db: Database) => T[]): T[] {
  const path = join(host.state, "memory.db");
  if (!existsSync(path)) return [];
  const db = new Database(path, { readwrite: true });
  try {
    db.run("pragma busy_timeout = 5000");
    const { present } = db.query<{ present: number }, []>("select count(*) as present from sqlite_master").get()!;
    return present > 0 ? read(db) : [];
  } finally {
    db.close();
  }
}

function sealedBytes(hosts: readonly Host[], id: string): Uint8Array | undefined {
  for (const host of hosts) {
    const membership = readMembership(join(host.state, "mesh"));
    const path = join(host.state, "memory.db");
    if (membership?.kind !== "sealed" || !existsSync(path)) continue;
    const store = openStore(path, () => "");
    const record = store.record("observation", id);
    store.close();
    if (record?.payload) return sealRecord(membership.keys, record).bytes;
  }
  return undefined;
}

function* filesOf(host: Host): Generator<Buffer> {
  for (const entry of readdirSync(host.state, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.includes("/router/")) continue; // the program's own files
    try {
      yield readFileSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // it went meanwhile
    }
  }
}
