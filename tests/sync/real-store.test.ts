import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { deriveKeys } from "../../src/seal/keys.ts";
import { meshSealer } from "../../src/sync/mesh-sealer.ts";
import { noteRemains, noteRenewal, remains, secondRenewal } from "../../src/sync/remains.ts";
import { runChaos } from "./chaos.ts";
import { createRealStore, realStores } from "./real-store.ts";
import { areEqual, createWorld, setOf } from "./world.ts";

const seeds = 12;

describe("with the real store", () => {
  let stores: ReturnType<typeof realStores>;
  beforeEach(() => {
    stores = realStores();
  });
  afterEach(() => stores.remove());

  test("after any mishaps, once healed, all hosts hold the same, and all of it", () => {
    for (let seed = 1; seed <= seeds; seed++) {
      expect({ seed, problems: runChaos({ seed, operations: 60, createStore: stores.create }) }).toEqual({
        seed,
        problems: [],
      });
    }
  }, 60_000);

  test("hosts of a sealed mesh exchange what each has, and see what the other deletes and erases", () => {
    const world = createWorld(1);
    const sealer = meshSealer(deriveKeys(new Uint8Array(32).fill(7)));
    const [a, b] = [createRealStore(), createRealStore()].map((store) => world.host(store, { sealer }));
    const records = Array.from({ length: 600 }, (_, i) =>
      world.record("observation", undefined, { content: `n ${i}` }),
    );
    a!.store.append(records.slice(0, 300));
    b!.store.append(records.slice(300));
    expect(world.until(() => areEqual([a!, b!]) && a!.store.count() === 600, 20_000)).toBe(true);
    a!.store.append([world.record("tombstone", records[400]!.id), world.record("erasure", records[500]!.id)]);
    world.run(5_000);
    expect(setOf(a!.store)).toBe(setOf(b!.store));
    expect(b!.store.find("observation", records[500]!.id)?.payload).toBeNull();
    expect(b!.store.find("tombstone", records[400]!.id)).toBeDefined();
    expect(b!.replicator.status().pending).toBe(0);
  });

  test("a database that leaves its mesh has everything to tell again", () => {
    const world = createWorld(2);
    const store = createRealStore();
    store.setState("mesh.id", "mesh");
    store.merge([world.record("observation", undefined)]);
    expect(store.rows(0, 10).map(({ received }) => received)).toEqual([true]);
    store.forgetMesh();
    expect(store.rows(0, 10).map(({ received }) => received)).toEqual([false]);
    expect(store.state("mesh.id")).toBeUndefined();
  });

  test("after an erasure the storage is to be made anew twice, whatever is done to the clock", () => {
    const store = createRealStore();
    expect(remains(store, 0)).toBe("none");
    noteRemains(store);
    expect(remains(store, 1_000)).toBe("now");
    noteRenewal(store, 1_000);
    expect([1_000, secondRenewal, secondRenewal + 1_000, 0].map((clock) => remains(store, clock))).toEqual([
      "later",
      "later",
      "now",
      "now",
    ]);
    noteRenewal(store, secondRenewal + 1_000);
    expect(remains(store, secondRenewal + 1_000)).toBe("none");
  });

  test("an erasure that came right before a crash is known for one that the storage's files may have to lose", () => {
    const world = createWorld(3);
    const store = createRealStore();
    const secret = world.record("observation", undefined);
    store.setState("mesh.id", "mesh");
    store.merge([secret]);
    store.merge([world.record("erasure", secret.id)]);
    world.network.shelve("here");
    world.host(store, { place: "here" });
    expect(remains(store, 0)).toBe("now");
  });
});
