import { describe, expect, test } from "bun:test";
import { payloadJson } from "../../src/core/json.ts";
import type { Record } from "../../src/core/record.ts";
import { recordOf } from "../../src/store/store.ts";
import type { Shelf } from "../../src/sync/loopback.ts";
import { openSealer } from "../../src/sync/open-sealer.ts";
import { createMemoryStore } from "./memory-store.ts";
import { plainSealer } from "./plain-sealer.ts";
import { areEqual, createWorld, type Host, type World } from "./world.ts";

const many = (world: World, count: number): Record[] =>
  Array.from({ length: count }, () => world.record("observation", undefined, { content: "x" }));

function save(host: Host, ...records: Record[]): void {
  host.store.append(records);
  host.replicator.wake();
}

function crash({ mesh, replicator }: Host): void {
  mesh.crash?.();
  void replicator.stop();
}

/** A store that has been in the mesh, with records that came from there: not for this host to bring. */
function storeOfOthers(records: Record[]) {
  const store = createMemoryStore();
  store.setState("mesh.id", "mesh");
  store.merge(records);
  return store;
}

/** The records in a storage, by kind and id. */
function contentOf(shelf: Shelf): Map<string, Record> {
  const records = [...shelf].map(([name, { bytes }]) => plainSealer().open({ name, bytes }));
  return new Map(records.filter((record) => typeof record !== "string").map((r) => [`${r.kind}/${r.id}`, r]));
}

describe("the routers' storage", () => {
  test("carries records to a host whose replicator ran at another time", () => {
    const world = createWorld(1);
    const shelf = world.network.shelve("hub");
    const a = world.host(createMemoryStore(), { place: "hub" });
    save(a, ...many(world, 30));
    world.run(10_000);
    expect(shelf.size).toBe(30);
    crash(a);
    const b = world.host(createMemoryStore(), { place: "hub", id: "other" });
    expect(world.until(() => b.store.count() === 30, 60_000)).toBe(true);
    expect(b.replicator.status().pending).toBe(0);
  });

  test("is not read again at a restart that took no time", () => {
    const world = createWorld(2);
    const shelf = world.network.shelve("hub");
    const store = createMemoryStore();
    const a = world.host(store, { place: "hub" });
    world.run(100_000);
    crash(a);
    const unknown = plainSealer().seal(world.record("observation", undefined));
    shelf.set(unknown.name, { bytes: unknown.bytes, stamp: 1 });
    const again = world.host(store, { place: "hub" });
    world.run(20_000);
    expect(store.count()).toBe(0);
    crash(again);
    world.run(100_000);
    world.host(store, { place: "hub" });
    expect(world.until(() => store.count() === 1, 20_000)).toBe(true);
  });

  test("is read after all by who ended before he had, or whose disk was full then", () => {
    const world = createWorld(18);
    const shelf = world.network.shelve("hub");
    const unknown = plainSealer().seal(world.record("observation", undefined));
    shelf.set(unknown.name, { bytes: unknown.bytes, stamp: 1 });
    const store = createMemoryStore();
    const first = world.host(store, { place: "hub" });
    world.run(1_200);
    crash(first);
    let full = true;
    const merge: typeof store.merge = (records) => {
      if (full && records.length > 0) throw new Error("the disk is full");
      return store.merge(records);
    };
    const again = world.host({ ...store, merge }, { place: "hub" });
    expect(world.until(() => again.notices.some(({ kind }) => kind === "failed"), 30_000)).toBe(true);
    full = false;
    expect(world.until(() => store.count() === 1, 600_000)).toBe(true);
  });

  test("is read an hour later, not at start, by who gets all from a peer that has read it", () => {
    const world = createWorld(14);
    const shelf = world.network.shelve("hub");
    world.host(storeOfOthers(many(world, 40)), { place: "hub" });
    world.run(100_000);
    const unknown = plainSealer().seal(world.record("observation", undefined));
    shelf.set(unknown.name, { bytes: unknown.bytes, stamp: 1 });
    const b = world.host(createMemoryStore(), { place: "hub", id: "other" });
    world.run(100_000);
    expect(b.store.count()).toBe(40);
    expect(world.until(() => b.store.count() === 41, 2 * 3_600_000)).toBe(true);
  });

  test("holds a lone host's records, so that they are not pending", () => {
    const world = createWorld(3);
    world.network.shelve("hub");
    const a = world.host(createMemoryStore(), { place: "hub" });
    save(a, ...many(world, 300));
    expect(a.replicator.status().pending).toBe(300);
    expect(world.until(() => a.replicator.status().pending === 0, 60_000)).toBe(true);
  });

  test("does not make a lone host's records pass for held while it lacks them", () => {
    const world = createWorld(4);
    const shelf = world.network.shelve("hub");
    shelf.set = () => shelf; // a storage that takes and forgets
    const a = world.host(createMemoryStore(), { place: "hub" });
    save(a, ...many(world, 3));
    world.run(600_000);
    expect(a.replicator.status().pending).toBe(3);
  });

  test("gets a long backlog too, which is not published", () => {
    const world = createWorld(5);
    const shelf = world.network.shelve("a");
    const store = createMemoryStore();
    store.append(many(world, 1_000));
    world.host(store, { place: "a" });
    world.host(createMemoryStore());
    expect(world.until(() => shelf.size === 1_000, 60_000)).toBe(true);
  });

  test("is given a backlog once, although it is to be read meanwhile", () => {
    const world = createWorld(15, { fillPause: 500 });
    const shelf = world.network.shelve("a");
    const mesh = world.network.connect("a");
    let puts = 0;
    const put: NonNullable<typeof mesh.storage>["put"] = (name, bytes) => {
      puts++;
      return mesh.storage!.put(name, bytes);
    };
    const store = createMemoryStore();
    store.append(many(world, 1_000));
    world.host(store, { place: "a", mesh: { ...mesh, storage: { ...mesh.storage!, put } } });
    world.run(60_000);
    expect([shelf.size, puts]).toEqual([1_000, 1_000]);
  });

  test("is filled again when somebody wipes it, within seconds when he is seen doing it", () => {
    const world = createWorld(6);
    const shelf = world.network.shelve("hub");
    const hosts = [0, 1, 2].map((i) => world.host(createMemoryStore(), { place: "hub", id: `host-${i}` }));
    for (const host of hosts) save(host, ...many(world, 50));
    world.run(60_000);
    expect(shelf.size).toBe(150);
    world.network.wipe("hub");
    expect(shelf.size).toBe(0);
    expect(world.until(() => shelf.size === 150, 30_000)).toBe(true);
    world.run(30_000);
    shelf.clear(); // unseen
    expect(world.until(() => shelf.size === 150, 900_000)).toBe(true);
    expect(hosts.flatMap(({ notices }) => notices).some(({ kind }) => kind === "storageWiped")).toBe(true);
  });

  test("is not filled by each of ten who see it wiped, nor sampled more often for being watched by ten", () => {
    const world = createWorld(17, { fillPause: 300 });
    const shelf = world.network.shelve("hub");
    const counts = { put: 0, got: 0 };
    const records = many(world, 200);
    const store = storeOfOthers(records);
    const hosts = Array.from({ length: 10 }, (_, i) => {
      const mesh = world.network.connect("hub");
      const put: typeof mesh.publish = (name, bytes) => (counts.put++, mesh.storage!.put(name, bytes));
      const get = (name: string, deadline: number) => (counts.got++, mesh.storage!.get(name, deadline));
      return world.host(store.copy(), { id: `host-${i}`, mesh: { ...mesh, storage: { ...mesh.storage!, put, get } } });
    });
    world.run(460_000);
    expect(shelf.size).toBe(200);
    Object.assign(counts, { put: 0, got: 0 });
    world.run(600_000);
    expect(counts.got).toBeLessThan(2 * 8 * 2); // as by one: eight each five minutes
    Object.assign(counts, { put: 0, got: 0 });
    world.network.wipe("hub");
    world.run(60_000);
    expect(shelf.size).toBe(200);
    expect(counts.put).toBeLessThan(1.5 * 200);
    expect(areEqual(hosts)).toBe(true);
  }, 20_000);

  test("gets back the one record of many that somebody deletes, or overwrites with something else", () => {
    const world = createWorld(13);
    const shelf = world.network.shelve("hub");
    const a = world.host(createMemoryStore(), { place: "hub" });
    save(a, ...many(world, 500));
    world.run(60_000);
    const [first, second] = [...shelf.keys()] as [string, string];
    const bytes = shelf.get(second)!.bytes;
    world.network.wipe("hub", first);
    void world.network.connect("hub").publish(second, new Uint8Array([1, 2, 3]));
    expect([shelf.size, shelf.get(second)!.bytes.length]).toEqual([499, 3]);
    expect(world.until(() => shelf.has(first) && shelf.get(second)!.bytes.length === bytes.length, 30_000)).toBe(true);
    expect(shelf.size).toBe(500);
  });

  test("gets all back also where the mesh does not take it at first", () => {
    const world = createWorld(19);
    const shelf = world.network.shelve("hub");
    const mesh = world.network.connect("hub");
    let refusals = 0;
    const put: typeof mesh.publish = async (name, bytes) => refusals-- <= 0 && mesh.storage!.put(name, bytes);
    world.host(storeOfOthers(many(world, 500)), { mesh: { ...mesh, storage: { ...mesh.storage!, put } } });
    expect(world.until(() => shelf.size === 500, 60_000)).toBe(true);
    world.run(30_000);
    for (const name of ["**", [...shelf.keys()][0]!]) {
      refusals = 1;
      world.network.wipe("hub", name);
      expect(world.until(() => shelf.size === 499 && refusals < 1, 60_000)).toBe(true);
      expect(world.until(() => shelf.size === 500, 600_000)).toBe(true);
    }
  });

  test("is filled again from the database when it is found empty at start", () => {
    const world = createWorld(7);
    const store = createMemoryStore();
    const first = world.host(store, { place: "a" });
    save(first, ...many(world, 20));
    world.run(10_000);
    crash(first);
    world.run(100_000);
    const shelf = world.network.shelve("a");
    world.host(store, { place: "a" });
    expect(world.until(() => shelf.size === 20, 60_000)).toBe(true);
  });

  test("loses erased content, at the host that erases and behind a cut, however the order reached its keeper", () => {
    const world = createWorld(8);
    const shelves = ["a", "b"].map((place) => world.network.shelve(place));
    const [a, b] = ["a", "b"].map((place) => world.host(createMemoryStore(), { place }));
    const observation = world.record("observation", undefined, { content: "secret" });
    save(a!, observation, world.record("tombstone", observation.id, { reason: "secret reason" }));
    world.run(10_000);
    world.network.partition(["a"], ["b"]);
    save(a!, world.record("erasure", observation.id));
    world.run(10_000);
    const bare = (shelf: Shelf) =>
      ["observation", "tombstone"].every((kind) => contentOf(shelf).get(`${kind}/${observation.id}`)?.payload === null);
    expect(shelves.map(bare)).toEqual([true, false]);
    world.network.heal();
    expect(world.until(() => areEqual([a!, b!]) && shelves.every(bare), 60_000)).toBe(true);
    expect(shelves.every((shelf) => contentOf(shelf).get(`erasure/${observation.id}`)?.payload)).toBe(true);
  });

  test("loses erased content where it is the only one that still has some", () => {
    const world = createWorld(21);
    const [hub, spoke] = [world.network.shelve("hub"), world.network.shelve("spoke")];
    const a = world.host(createMemoryStore(), { place: "hub" });
    const secret = world.record("observation", undefined);
    save(a, secret, world.record("erasure", secret.id));
    world.run(5_000);
    const { name, bytes } = plainSealer().seal(secret);
    spoke.set(name, { bytes, stamp: hub.get(name)!.stamp });
    world.host(createMemoryStore(), { place: "spoke" });
    world.run(20_000);
    for (const shelf of [hub, spoke]) expect(contentOf(shelf).get(`observation/${secret.id}`)?.payload).toBeNull();
  });

  test("loses erased content that an old backup has put into it again", () => {
    const world = createWorld(9);
    const shelf = world.network.shelve("hub");
    const a = world.host(createMemoryStore(), { place: "hub" });
    const observation = world.record("observation", undefined, { content: "secret" });
    save(a, observation);
    world.run(1_000);
    save(a, world.record("erasure", observation.id));
    world.run(10_000);
    const stranger = world.network.connect("hub");
    const { name, bytes } = plainSealer().seal(observation);
    void stranger.publish(name, bytes);
    expect(contentOf(shelf).get(`observation/${observation.id}`)?.payload).not.toBeNull();
    const isBare = () => contentOf(shelf).get(`observation/${observation.id}`)?.payload === null;
    expect(world.until(isBare, 30_000)).toBe(true);
    expect(a.store.find("observation", observation.id)?.payload).toBeNull();
  });

  test("loses it also when it is put again in the very moment in which it is taken out", () => {
    const world = createWorld(20);
    const shelf = world.network.shelve("hub");
    const mesh = world.network.connect("hub");
    const stranger = world.network.connect("hub");
    const observation = world.record("observation", undefined, { content: "secret" });
    const { name, bytes } = plainSealer().seal(observation);
    let puts = 0;
    const put: typeof mesh.publish = async (...parcel) => {
      const taken = await mesh.storage!.put(...parcel);
      if (puts++ === 0) void stranger.publish(name, bytes);
      return new Promise((resolve) => world.after(100, () => resolve(taken)));
    };
    const a = world.host(createMemoryStore(), { mesh: { ...mesh, storage: { ...mesh.storage!, put } } });
    save(a, observation);
    world.run(30_000);
    save(a, world.record("erasure", observation.id));
    world.run(1_000);
    void stranger.publish(name, bytes);
    expect(world.until(() => puts > 0, 30_000)).toBe(true);
    const isBare = () => contentOf(shelf).get(`observation/${observation.id}`)?.payload === null;
    expect(isBare()).toBe(false);
    expect(world.until(isBare, 30_000)).toBe(true);
  });

  test("that does not answer to the end is not filled for it, but read again", () => {
    const world = createWorld(10);
    const shelf = world.network.shelve("a");
    const mesh = world.network.connect("a");
    let puts = 0;
    let broken = true;
    const storage = {
      ...mesh.storage!,
      put(name: string, bytes: Uint8Array) {
        puts++;
        return mesh.storage!.put(name, bytes);
      },
      scan: async (...args: Parameters<NonNullable<typeof mesh.storage>["scan"]>) =>
        broken ? false : mesh.storage!.scan(...args),
    };
    const store = storeOfOthers(many(world, 20));
    world.host(store, { place: "a", mesh: { ...mesh, storage } });
    world.run(60_000);
    expect([puts, shelf.size]).toEqual([0, 0]);
    broken = false;
    expect(world.until(() => shelf.size === 20, 900_000)).toBe(true);
  });
});

describe("the storage of an open mesh", () => {
  test("is read on a timer and never filled", () => {
    const world = createWorld(11);
    const shelf = world.network.shelve("hub");
    const store = storeOfOthers(many(world, 5));
    const a = world.host(store, { place: "hub", open: true });
    const early = plainSealer().seal(world.record("observation", undefined));
    world.run(10_000);
    shelf.set(early.name, { bytes: early.bytes, stamp: 1 });
    expect(world.until(() => a.store.count() === 6, 30_000)).toBe(true);
    world.run(300_000);
    const foreign = plainSealer().seal(world.record("observation", undefined));
    shelf.set(foreign.name, { bytes: foreign.bytes, stamp: 1 }); // as alignment brings it: no subscriber hears of it
    expect(world.until(() => a.store.count() === 7, 300_000)).toBe(true);
    shelf.clear();
    world.run(1_000_000);
    expect(shelf.size).toBe(0);
    expect(a.store.count()).toBe(7);
  });

  /** A host whose records lie under the keys of the Python original, and one observation as that writes it. */
  function shared(seed: number, timing = {}) {
    const world = createWorld(seed, timing);
    const shelf = world.network.shelve("hub");
    const store = createMemoryStore();
    const known = (id: string) => store.find("observation", id)?.payload ?? undefined;
    const sealer = openSealer({ observation: known, now: () => "2026-02-03T04:05:06.000000Z" });
    const host = world.host(store, { place: "hub", open: true, sealer });
    const id = "0123456789abcdef0123456789abcdef";
    const fields = { content: "secret", agent_family: "claude", observation_id: id };
    const observation = recordOf("observation", id, payloadJson(fields));
    const original = { ...sealer.seal(observation), name: `mem/team/x/obs/a/b/c/d/${id}` };
    const erasure = recordOf(
      "erasure",
      id,
      payloadJson({ observation_id: id, erased_at: "2026-02-03T04:05:06.000000Z" }),
    );
    const isSecret = () => [...shelf.values()].some(({ bytes }) => Buffer.from(bytes).includes("secret"));
    return { world, shelf, host, sealer, observation, original, erasure, isSecret };
  }

  test("keeps no erased content, under whatever keys it lies, and the order to erase it", () => {
    const { world, shelf, host, observation, original, erasure, isSecret } = shared(12);
    save(host, observation);
    world.run(10_000);
    shelf.set(original.name, { bytes: original.bytes, stamp: 1 });
    expect([...shelf.keys()]).toEqual([`mem/mesh/obs/claude/unknown/unknown/unknown/${observation.id}`, original.name]);
    save(host, erasure);
    expect(world.until(() => !isSecret(), 10_000)).toBe(true);
    world.run(1_000);
    expect([...shelf.keys()].toSorted()).toEqual([
      `mem/kioku/erasure/${erasure.id}`,
      `mem/kioku/observation/${erasure.id}`,
    ]);

    shelf.set(original.name, { bytes: original.bytes, stamp: 1 }); // by a router that was away
    expect(world.until(() => !isSecret(), 300_000)).toBe(true);
    expect(host.store.find("observation", observation.id)?.payload).toBeNull();
  });

  test("loses it also where there is no link at first, and of many at once", () => {
    const { world, shelf, host, sealer, isSecret } = shared(13, { longestRetry: 5_000 });
    const ids = Array.from({ length: 40 }, (_, i) => i.toString(16).padStart(32, "0"));
    const of = (kind: "observation" | "erasure") => (id: string) =>
      recordOf(kind, id, payloadJson({ content: kind === "erasure" ? undefined : "secret", observation_id: id }));
    save(host, ...ids.map(of("observation")));
    expect(world.until(() => shelf.size === 40, 30_000)).toBe(true);
    world.network.setRouter("hub", false);
    save(host, ...ids.map(of("erasure")));
    world.run(60_000);
    expect(isSecret()).toBe(true);
    world.network.setRouter("hub", true);
    expect(world.until(() => !isSecret(), 30_000)).toBe(true);
    for (const id of ids) expect(shelf.has(sealer.seal(of("erasure")(id)).name)).toBe(true);
  });

  test("a deletion of one id by a wildcard is an erasure, kept for those who come later; one of its key is nothing", () => {
    const { world, shelf, host, observation, original, isSecret } = shared(14);
    save(host, observation);
    world.run(1_000);
    const [name] = [...shelf.keys()] as [string];
    shelf.set(original.name, { bytes: original.bytes, stamp: 1 });
    world.network.wipe("hub", name);
    world.run(300_000);
    expect([host.store.find("observation", observation.id)?.payload, shelf.has(name)]).toEqual([
      observation.payload,
      false,
    ]);
    expect(host.replicator.status().pending).toBe(0);

    world.network.wipe("hub", `mem/**/obs/**/${observation.id}`);
    expect(world.until(() => !isSecret() && shelf.has(`mem/kioku/erasure/${observation.id}`), 30_000)).toBe(true);
    expect(host.store.find("observation", observation.id)?.payload).toBeNull();
  });
});
