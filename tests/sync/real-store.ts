import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openReplicaStore } from "../../src/store/replica.ts";
import { openStore } from "../../src/store/store.ts";
import type { ChaosStore } from "./chaos.ts";

const now = () => "2026-01-02T03:04:05.000000Z";

/** The real store, as the tests of replication use it; in memory unless it is given a file. */
export function createRealStore(path = ":memory:"): ChaosStore & { close(): void } {
  const store = openStore(path, now);
  const replica = openReplicaStore(store);
  return {
    ...replica,
    append: store.append,
    all: () => replica.records(replica.rows(0, 1e9).map(({ seq }) => seq)),
    count: () => store.fingerprint().count,
    copy() {
      throw new Error("only a file can be copied");
    },
    close: store.close,
  };
}

/** Makes stores in files that can be copied as disks are, in a directory that `remove` takes away. */
export function realStores() {
  const memory = "/dev/shm"; // where there is one: each of thousands of commits waits for its disk
  const directory = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), "kioku-sync-"));
  const open = new Set<{ close(): void }>();
  let files = 0;

  function create(from?: string): ChaosStore {
    const path = join(directory, `${++files}.db`);
    for (const suffix of from ? ["", "-wal"] : []) {
      if (existsSync(`${from}${suffix}`)) cpSync(`${from}${suffix}`, `${path}${suffix}`);
    }
    const store = { ...createRealStore(path), copy: () => create(path) };
    open.add(store);
    return store;
  }

  return {
    create: () => create(),
    remove(): void {
      for (const store of open) store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
