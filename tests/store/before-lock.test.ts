/** What is made of records before the lock is taken, and what other processes write until it is. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { readObservation } from "../../src/core/observation.ts";
import { tokensOf } from "../../src/store/search-index.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { bare, erasure, idOf, memoryStore, now, observation, tombstone } from "./records.ts";
import { temporaryDirectory } from "./temporary.ts";

const directory = temporaryDirectory();
const id = idOf("one");
const record = observation(id, { content: "a lighthouse", created_at: "2026-01-02T00:00:00.000000Z" });
const earlier = observation(id, { content: "a windmill", created_at: "2026-01-01T00:00:00.000000Z" });

/** A store whose lock another process has until it has done its own work. */
function contended(name: string, meanwhile: (other: Store) => void): Store {
  const path = join(directory, name);
  const other = openStore(path, () => now);
  const holder = new Database(path, { strict: true });
  function sleep(): void {
    holder.run("commit");
    holder.close();
    meanwhile(other);
    other.close();
  }
  const store = openStore(path, () => now, { patience: { limit: 1_000, now: () => 0, sleep, random: () => 0 } });
  holder.run("begin immediate");
  return store;
}

const found = (store: Store, word: string) => store.search(word, {}, now, 5).hits.length;

test("what is made of a record is made before the lock is taken", () => {
  const path = join(directory, "free.db");
  const store = openStore(path, () => now);
  using other = new Database(path, { strict: true });
  const lockFree: boolean[] = [];
  function isFree(): boolean {
    try {
      other.run("begin immediate");
      other.run("rollback");
      return true;
    } catch {
      return false;
    }
  }
  const watched = {
    ...record,
    get payload() {
      lockFree.push(isFree());
      return record.payload;
    },
  };
  store.merge([watched]);
  expect(lockFree[0]).toBe(true);
  expect(lockFree.at(-1)).toBe(false);
  store.close();
});

test("content that another process erases meanwhile does not come back", () => {
  const store = contended("erased.db", (other) => other.append([erasure(id)]));
  expect(store.merge([record])).toMatchObject([{ outcome: "inserted", bare: true }]);
  expect(store.record("observation", id)?.payload).toBeNull();
  expect(found(store, "lighthouse")).toBe(0);
  store.close();
});

test("what another process withdraws meanwhile is not shown", () => {
  const store = contended("withdrawn.db", (other) => other.append([tombstone(id)]));
  store.merge([record]);
  expect(found(store, "lighthouse")).toBe(0);
  store.close();
});

test("a claim that another process has taken in meanwhile stays where it is the preferred one", () => {
  const store = contended("earlier.db", (other) => other.append([earlier]));
  expect(store.merge([record])).toMatchObject([{ outcome: "present" }]);
  expect([found(store, "windmill"), found(store, "lighthouse")]).toEqual([1, 0]);
  store.close();
});

test("content whose digest alone another process has taken in meanwhile is taken in and shown", () => {
  const store = contended("revived.db", (other) => other.append([bare(record)]));
  expect(store.merge([record])).toMatchObject([{ outcome: "replaced", bare: false }]);
  expect(found(store, "lighthouse")).toBe(1);
  store.close();
});

test("tokens that were made before are those by which a record is found", () => {
  const store = memoryStore();
  const other = observation(idOf("other"), { content: "a drawbridge" });
  const tokens = [record, other].map(({ id: one, payload }) => tokensOf(readObservation(payload!, one)!));
  store.merge([record, other], true, [tokens[1], undefined]);
  expect([found(store, "lighthouse"), found(store, "drawbridge")]).toEqual([0, 1]); // nor where the text does not have it
});
