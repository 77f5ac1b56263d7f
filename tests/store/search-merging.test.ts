/** The parts of the search index: few remain, no transaction merges much, and what was left for later is made up for. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openStore, type Store } from "../../src/store/store.ts";
import { idOf, now, observation } from "./records.ts";
import { temporaryDirectory } from "./temporary.ts";

const directory = temporaryDirectory();

const some = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => observation(idOf(`${from + i}`), { content: textOf(from + i) }));

/** An id that is found, and a sentence's worth of grams that nothing else has. */
const textOf = (n: number) => ["", ..."abcdef"].map((part) => idOf(`${n}${part}`)).join(" ");

/** Takes in so many transactions of some records. */
async function takeIn(store: Store, transactions: number, count: number, from = 0): Promise<void> {
  for (let i = 0; i < transactions; i++) {
    store.adopt(await store.prepare(some(from + i * count, count).map((record) => ({ record }))));
  }
}

/** How many parts the index has. */
function partsOf(path: string): number {
  using db = new Database(path, { readonly: true });
  return db.query<{ n: number }, []>("select count(distinct segid) as n from search_index_1_idx").get()!.n;
}

function foundIn(store: Store, name: string): boolean {
  const { hits } = store.search(idOf(name), {}, now, 5);
  return hits.some(({ observation: { observation_id } }) => observation_id === idOf(name));
}

test("of many saves few parts remain", () => {
  const path = join(directory, "saves.db");
  const store = openStore(path, () => now);
  let most = 0;
  for (let i = 0; i < 700; i++) {
    store.append(some(i, 1));
    if (i % 10 === 0) most = Math.max(most, partsOf(path));
  }
  expect(most).toBeLessThan(32); // eight of each size
  store.append([...some(700, 700)]);
  for (const name of ["0", "350", "699", "1399"]) expect(foundIn(store, name)).toBe(true);
  store.close();
});

test("many that are taken in are merged at the end, in steps", async () => {
  const path = join(directory, "import.db");
  const store = openStore(path, () => now);
  await takeIn(store, 30, 200);
  expect(partsOf(path)).toBe(30);
  expect(foundIn(store, "5999")).toBe(true);
  let steps = 0;
  while (store.settle()) steps++;
  expect(steps).toBeGreaterThan(1);
  expect(partsOf(path)).toBe(1);
  expect(store.settle()).toBe(false);
  for (const name of ["0", "199", "200", "5999"]) expect(foundIn(store, name)).toBe(true);
  store.close();
});

test("many from the mesh are merged at the end too, few as they come", () => {
  const path = join(directory, "mesh.db");
  const store = openStore(path, () => now);
  for (let i = 0; i < 30; i++) store.merge(some(i * 100, 100), true);
  expect(partsOf(path)).toBe(30);
  while (store.settle());
  expect(partsOf(path)).toBe(1);
  for (let i = 0; i < 30; i++) store.merge(some(3_000 + i, 1));
  expect(partsOf(path)).toBeLessThan(16);
  for (const name of ["0", "2999", "3000", "3029"]) expect(foundIn(store, name)).toBe(true);
  store.close();
});

test("where that end never came, saves make up for it bit by bit", async () => {
  const path = join(directory, "killed.db");
  const importer = openStore(path, () => now);
  await takeIn(importer, 30, 100);
  importer.close();
  const store = openStore(path, () => now);
  let saves = 0;
  for (; partsOf(path) > 16 && saves < 200; saves++) store.append(some(10_000 + saves, 1));
  expect(saves).toBeGreaterThan(5);
  expect(saves).toBeLessThan(200);
  expect(foundIn(store, "2999")).toBe(true);
  store.close();
});

test("an import of any length leaves room for other writers: SQLite's limit is 2,000 parts", async () => {
  const path = join(directory, "long.db");
  const store = openStore(path, () => now);
  await takeIn(store, 700, 1);
  expect(partsOf(path)).toBeLessThan(560);
  store.close();
});

test("neither do imports that are killed one after the other leave more parts", async () => {
  const path = join(directory, "often-killed.db");
  for (let i = 0; i < 3; i++) {
    const store = openStore(path, () => now);
    await takeIn(store, 300, 1, 300 * i);
    store.close();
  }
  expect(partsOf(path)).toBeLessThan(560);
  const store = openStore(path, () => now);
  while (store.settle());
  await takeIn(store, 30, 1, 900);
  expect(partsOf(path)).toBeGreaterThan(30); // what was settled counts no more
  store.close();
});
