import { describe, expect, test } from "bun:test";
import type { Record } from "../../src/core/record.ts";
import { protocol } from "../../src/sync/message.ts";
import type { Mesh } from "../../src/sync/mesh.ts";
import { stoppable } from "../../src/sync/scheduler.ts";
import { encodeRecord } from "../../src/seal/envelope.ts";
import { createMemoryStore } from "./memory-store.ts";
import { plainSealer } from "./plain-sealer.ts";
import { createPending } from "../../src/sync/pending.ts";
import { areEqual, createWorld, setOf, type Host, type World } from "./world.ts";

const many = (world: World, count: number): Record[] =>
  Array.from({ length: count }, () => world.record("observation", undefined, { content: "x".repeat(200) }));

/** Two hosts that have met. */
function pair(seed = 1): { world: World; a: Host; b: Host } {
  const world = createWorld(seed);
  const [a, b] = [world.host(createMemoryStore()), world.host(createMemoryStore())];
  world.run(5_000);
  return { world, a, b };
}

function save(host: Host, ...records: Record[]): void {
  host.store.append(records);
  host.replicator.wake();
}

/** Counts what goes through a mesh. */
function counted(mesh: Mesh) {
  const counts = { published: 0, asked: 0, questionBytes: 0, answerBytes: 0 };
  const tapped: Mesh = {
    ...mesh,
    publish(name, bytes) {
      counts.published++;
      return mesh.publish(name, bytes);
    },
    async ask(peer, question, deadline) {
      counts.asked++;
      counts.questionBytes += question.length;
      const answer = await mesh.ask(peer, question, deadline);
      counts.answerBytes += answer?.length ?? 0;
      return answer;
    },
  };
  return { counts, mesh: tapped };
}

describe("two hosts", () => {
  test("a record that is saved on one is on the other a moment later", () => {
    const { world, a, b } = pair();
    const record = world.record("observation", undefined, { content: "hello" });
    save(a, record);
    expect(world.until(() => b.store.find("observation", record.id) !== undefined, 10)).toBe(true);
  });

  test("what another process of the host has saved goes out without being woken", () => {
    const { world, a, b } = pair();
    const record = world.record("observation", undefined);
    a.store.append([record]);
    expect(world.until(() => b.store.find("observation", record.id) !== undefined, 1_100)).toBe(true);
  });

  test("what each had before they met is on both, and crosses once", () => {
    const world = createWorld(2);
    world.network.setFaults({ delay: [150, 150] }); // so long that both begin before either is done
    const stores = [createMemoryStore(), createMemoryStore()];
    for (const store of stores) store.append(many(world, 3_000));
    const taps = ["a", "b"].map((place) => counted(world.network.connect(place)));
    const hosts = stores.map((store, i) => world.host(store, { mesh: taps[i]!.mesh }));
    expect(world.until(() => areEqual(hosts) && stores[0]!.count() === 6_000, 60_000)).toBe(true);
    expect(setOf(stores[0]!)).toBe(setOf(stores[1]!));
    const carried = taps.reduce((sum, { counts }) => sum + counts.questionBytes + counts.answerBytes, 0);
    const sealed = plainSealer().seal(stores[0]!.all()[0]!);
    expect(carried / 6_000 / (sealed.bytes.length + sealed.name.length)).toBeLessThan(1.2);
  });

  test("a long backlog is not published record by record, and arrives all the same", () => {
    const world = createWorld(3);
    const tap = counted(world.network.connect("a"));
    const store = createMemoryStore();
    const [a, b] = [world.host(store, { place: "a", mesh: tap.mesh }), world.host(createMemoryStore())];
    world.run(5_000);
    save(a, ...many(world, 5_000));
    expect(world.until(() => areEqual([a, b]) && b.store.count() === 5_000, 20_000)).toBe(true);
    expect(tap.counts.published).toBe(0);
    save(a, ...many(world, 5));
    expect(world.until(() => b.store.count() === 5_005, 100)).toBe(true);
    expect(tap.counts.published).toBe(5);
  });

  test("a record that the mesh did not take is published again, and so are those after it", () => {
    const world = createWorld(14);
    const mesh = world.network.connect("a");
    let refusals = 3;
    let published = 0;
    const stubborn: Mesh = {
      ...mesh,
      ask: () => Promise.resolve(undefined), // no session carries what is not published
      async publish(name, bytes) {
        if (refusals-- > 0) return false;
        published++;
        return mesh.publish(name, bytes);
      },
    };
    const a = world.host(createMemoryStore(), { mesh: stubborn });
    world.run(5_000);
    save(a, ...many(world, 3));
    world.run(10_000);
    expect(published).toBe(3);
  });

  test("a store that fails for a while stops nothing for good", () => {
    const world = createWorld(15);
    const store = createMemoryStore();
    let full = false;
    const failing =
      <A extends unknown[], R>(work: (...args: A) => R) =>
      (...args: A): R => {
        if (full) throw new Error("the disk is full");
        return work(...args);
      };
    const flaky = {
      ...store,
      records: failing(store.records),
      merge: failing(store.merge),
      setState: failing(store.setState),
    };
    const [a, b] = [world.host(flaky), world.host(createMemoryStore())];
    world.run(5_000);
    full = true;
    save(a, ...many(world, 2));
    save(b, ...many(world, 2));
    world.run(30_000);
    expect([a.store.count(), b.store.count()]).toEqual([2, 2]);
    expect(a.notices.filter(({ kind }) => kind === "failed")).toHaveLength(1);
    full = false;
    expect(world.until(() => areEqual([a, b]) && b.store.count() === 4, 200_000)).toBe(true);
    save(a, ...many(world, 1));
    expect(world.until(() => b.store.count() === 5, 1_000)).toBe(true);
  });

  test("comparing equal sets takes one message of less than a kilobyte each way", () => {
    const world = createWorld(4);
    const store = createMemoryStore();
    store.append(many(world, 4_000));
    const tap = counted(world.network.connect("a"));
    world.host(store, { place: "a", mesh: tap.mesh, timing: { slow: 1e9 } });
    world.host(store.copy(), { timing: { slow: 1e9 } });
    world.run(60_000);
    expect(tap.counts.asked).toBe(1);
    expect(tap.counts.questionBytes).toBeLessThan(1_000);
    expect(tap.counts.answerBytes).toBeLessThan(1_000);
  });

  test("a live record that got lost is fetched when the sets have differed for some seconds", () => {
    const { world, a, b } = pair();
    world.network.setFaults({ loss: 1 });
    save(a, world.record("observation", undefined));
    world.run(50);
    world.network.setFaults({ loss: 0 });
    expect(b.store.count()).toBe(0);
    expect(world.until(() => b.store.count() === 1, 10_000)).toBe(true);
  });

  test("a tombstone may arrive before its observation", () => {
    const { world, a, b } = pair();
    const observation = world.record("observation", undefined);
    save(a, world.record("tombstone", observation.id));
    world.run(100);
    expect(b.store.find("tombstone", observation.id)).toBeDefined();
    save(a, observation);
    world.run(100);
    expect(setOf(a.store)).toBe(setOf(b.store));
  });

  test("of two tombstones for one observation, made while apart, both keep the same", () => {
    const { world, a, b } = pair();
    const observation = world.record("observation", undefined);
    save(a, observation);
    world.run(1_000);
    world.network.partition([a.place], [b.place]);
    save(a, world.record("tombstone", observation.id, { reason: "a" }));
    world.run(1_000);
    save(b, world.record("tombstone", observation.id, { reason: "b" }));
    world.run(1_000);
    world.network.heal();
    expect(world.until(() => areEqual([a, b]), 20_000)).toBe(true);
    expect(b.store.find("tombstone", observation.id)?.payload).toContain('"reason": "a"');
    expect(setOf(a.store)).toBe(setOf(b.store));
  });

  test("records of a kind that neither knows are passed on like any other", () => {
    const { world, a, b } = pair();
    const record = world.record("annotation", undefined, { about: "something newer" });
    save(a, record);
    world.run(100);
    expect(b.store.find("annotation", record.id)?.payload).toBe(record.payload);
  });

  test("erased content is gone on both, and an old backup does not bring it back", () => {
    const world = createWorld(7);
    const [old, other] = [createMemoryStore(), createMemoryStore()];
    const [a, b] = [world.host(old), world.host(other)];
    world.run(5_000);
    const observation = world.record("observation", undefined, { content: "secret" });
    save(a, observation);
    world.run(5_000);
    const backup = old.copy();
    save(b, world.record("erasure", observation.id));
    world.run(5_000);
    expect(a.store.find("observation", observation.id)?.payload).toBeNull();
    a.mesh.crash?.();
    void a.replicator.stop();
    const restored = world.host(backup, { place: a.place, id: a.id });
    expect(backup.find("observation", observation.id)?.payload).toContain("secret");
    expect(world.until(() => backup.find("observation", observation.id)?.payload === null, 20_000)).toBe(true);
    expect(b.store.find("observation", observation.id)?.payload).toBeNull();
    expect(world.until(() => areEqual([restored, b]), 20_000)).toBe(true);
  });

  test("a record of several megabytes crosses, live and in a session", () => {
    const { world, a, b } = pair();
    const large = () => world.record("observation", undefined, { content: "x".repeat(3_000_000) });
    save(a, large());
    world.run(100);
    expect(b.store.count()).toBe(1);
    world.network.partition([a.place], [b.place]);
    save(a, large(), large());
    save(b, large());
    world.run(1_000);
    world.network.heal();
    expect(world.until(() => areEqual([a, b]) && b.store.count() === 4, 20_000)).toBe(true);
  });

  test("a record too large for any message keeps no other from travelling", () => {
    const { world, a, b } = pair();
    world.network.partition([a.place], [b.place]);
    const small = Array.from({ length: 40 }, () => world.record("observation", undefined));
    save(a, world.record("observation", undefined, { content: "x".repeat(17_000_000) }), ...small);
    world.run(1_000);
    world.network.heal();
    expect(world.until(() => b.store.count() === 40, 60_000)).toBe(true);
    expect(a.notices).toContainEqual(expect.objectContaining({ kind: "dropped", what: "sealing" }));
  });

  test("records that fill a message each cross in one session", async () => {
    const world = createWorld(13);
    const store = createMemoryStore();
    store.append(
      Array.from({ length: 14 }, () => world.record("observation", undefined, { content: "x".repeat(3e5) })),
    );
    const quiet = { timing: { tick: 1e7 } };
    const [a] = [world.host(createMemoryStore(), quiet), world.host(store, quiet)];
    world.network.setFaults({ loss: 1 });
    world.run(100); // what is published at the start is lost
    world.network.setFaults({ loss: 0 });
    let done = false;
    const asked = a!.replicator.synchronise(60_000_000).finally(() => (done = true));
    expect(world.until(() => done, 100_000_000)).toBe(true);
    expect((await asked).session).toMatchObject({ received: 14, outcome: "equal" });
  });

  test("rows that another process replaced are noticed", () => {
    const { world, a, b } = pair();
    const early = world.record("tombstone", undefined, { reason: "early" });
    world.run(1_000);
    save(a, world.record("tombstone", early.id, { reason: "late" }));
    world.run(5_000);
    expect(setOf(a.store)).toBe(setOf(b.store));
    a.store.append([early]); // by an import, not through the replicator
    expect(world.until(() => b.store.find("tombstone", early.id)?.payload === early.payload, 10_000)).toBe(true);
    world.run(5_000);
    expect(a.replicator.status().records).toBe(1);
    expect(areEqual([a, b])).toBe(true);
  });

  test("a database that comes from another mesh is told in full to its new one", () => {
    const world = createWorld(5);
    const [store, peer] = [createMemoryStore(), createMemoryStore()];
    const there = [world.host(store, { place: "a", meshId: "old" }), world.host(peer, { meshId: "old" })];
    save(there[1]!, ...many(world, 3));
    world.run(10_000);
    expect(store.count()).toBe(3);
    for (const { replicator } of there) void replicator.stop();
    const moved = world.host(store, { place: "a", meshId: "new" });
    expect(moved.replicator.status().pending).toBe(3);
  });
});

describe("pending", () => {
  test("counts own records until a peer is shown to have them", () => {
    const { world, a, b } = pair();
    world.network.partition([a.place], [b.place]);
    save(a, ...many(world, 3));
    world.run(60_000);
    expect([a, b].map(({ replicator }) => replicator.status().pending)).toEqual([3, 0]);
    world.network.heal();
    expect(world.until(() => a.replicator.status().pending === 0, 20_000)).toBe(true);
    expect([b.store.count(), b.replicator.status().pending]).toEqual([3, 0]);
  });

  test("survives a restart, as does what was already shown", () => {
    const { world, a, b } = pair();
    save(a, ...many(world, 2));
    world.run(10_000);
    world.network.partition([a.place], [b.place]);
    save(a, ...many(world, 1));
    a.mesh.crash?.();
    void a.replicator.stop();
    const again = world.host(a.store, { place: a.place });
    expect(again.replicator.status().pending).toBe(1);
  });

  test("stays while the peer refuses a record", () => {
    const world = createWorld(11);
    const bad = world.record("observation", undefined);
    const sealer = plainSealer();
    const envelope = encodeRecord(bad);
    const picky: typeof sealer = {
      ...sealer,
      open: (sealed) => (Buffer.from(sealed.bytes).equals(envelope) ? "not for me" : sealer.open(sealed)),
      openMessage(binding, sealed) {
        const message = sealer.openMessage(binding, sealed);
        const at = typeof message === "string" ? -1 : Buffer.from(message.buffer).indexOf(envelope);
        if (typeof message !== "string" && at >= 0) message[at]! ^= 4; // such an envelope nobody makes
        return message;
      },
    };
    const [a, b] = [world.host(createMemoryStore()), world.host(createMemoryStore(), { sealer: picky })];
    save(a, bad, ...many(world, 2));
    world.run(600_000);
    expect([b.store.count(), a.replicator.status().pending]).toEqual([2, 3]);
  });

  test("never grows again by an older proof", () => {
    const store = createMemoryStore();
    const world = createWorld(12);
    store.append(many(world, 5));
    const pending = createPending(store);
    pending.start();
    pending.add(store.rows(0, 9));
    pending.heldThrough(4);
    pending.heldThrough(2);
    expect([pending.count, pending.through, store.state("mesh.held")]).toEqual([1, 4, "4"]);
  });

  test("is cleared by a synchronisation on request, which says what moved", async () => {
    const world = createWorld(9);
    const [mine, theirs] = [createMemoryStore(), createMemoryStore()];
    mine.append(many(world, 300));
    theirs.append(many(world, 400));
    const slow = { timing: { tick: 1e7 } }; // nothing happens by itself
    const [a] = [world.host(mine, slow), world.host(theirs, slow)];
    let done = false;
    const asked = a!.replicator.synchronise(60_000_000).finally(() => (done = true));
    expect(world.until(() => done, 100_000_000)).toBe(true);
    const { session, pending } = await asked;
    expect([session?.sent, session?.received, session?.outcome, pending]).toEqual([300, 400, "equal", 0]);
  });

  test("a scheduler that is stopped runs nothing more, neither what waits nor what is asked of it later", () => {
    const world = createWorld(13);
    const scheduler = stoppable(world);
    let runs = 0;
    const cancel = scheduler.after(10, () => runs++);
    scheduler.after(20, () => runs++);
    cancel();
    world.run(50);
    expect(runs).toBe(1);
    scheduler.after(10, () => runs++);
    scheduler.stop();
    scheduler.after(10, () => runs++)();
    scheduler.after(10, () => runs++);
    world.run(50);
    expect(runs).toBe(1);
  });

  test("ends at once: nothing waits any more that would keep the process alive", () => {
    const world = createWorld(12);
    const waiting = new Set<() => void>();
    const after: World["after"] = (delay, run) => {
      const cancel = world.after(delay, () => {
        waiting.delete(cancel);
        run();
      });
      waiting.add(cancel);
      return () => {
        waiting.delete(cancel);
        cancel();
      };
    };
    const a = world.host(createMemoryStore(), { place: "here", scheduler: { ...world, after } });
    world.network.shelve("here");
    save(a, world.record("observation", undefined));
    world.run(5_000);
    expect(waiting.size).toBeGreaterThan(0);
    void a.replicator.stop();
    world.run(0);
    expect(waiting.size).toBe(0);
  });

  test("a synchronisation with nobody there ends at its deadline and says that nothing moved", async () => {
    const world = createWorld(9);
    const store = createMemoryStore();
    store.append(many(world, 2));
    const a = world.host(store);
    let done = false;
    const asked = a.replicator.synchronise(5_000).finally(() => (done = true));
    expect(world.until(() => done, 6_000)).toBe(true);
    expect(await asked).toEqual({ session: undefined, reading: undefined, pending: 2 });
  });
});

describe("status", () => {
  test("names the peers, whether they are equal, how far ahead, and their clock", () => {
    const { world, a, b } = pair();
    save(a, ...many(world, 2));
    world.run(10_000);
    const [peer] = a.replicator.status().peers;
    expect(peer).toMatchObject({ host: b.id, name: b.id, equal: true, ahead: 0, understood: true });
    expect(Math.abs(peer!.clockOffset!)).toBeLessThan(5);
    expect(JSON.parse(a.store.state("mesh.status")!)).toEqual(JSON.parse(JSON.stringify(a.replicator.status())));
    world.network.partition([a.place], [b.place]);
    world.run(1_000);
    expect(a.replicator.status().peers).toEqual([]);
  });

  test("remembers who is away, since when, and how far behind, also after a restart", () => {
    const { world, a, b } = pair();
    save(a, ...many(world, 2));
    world.run(10_000);
    world.network.partition([a.place], [b.place]);
    world.run(1_000);
    const awayFrom = (host: Host) => JSON.parse(JSON.stringify(host.replicator.status().away));
    const [left] = awayFrom(a);
    expect([left.host, left.equal, typeof left.lastContact]).toEqual([b.id, true, "string"]);
    save(a, ...many(world, 3));
    world.run(10_000);
    expect(awayFrom(a)).toEqual([{ ...left, equal: false, ahead: -3 }]);
    void a.replicator.stop();
    const again = world.host(a.store, { id: a.id });
    world.network.partition([again.place], [b.place]);
    world.run(3_000);
    expect(awayFrom(again)).toEqual([{ ...left, equal: false, ahead: -3 }]);
    world.network.heal();
    world.run(10_000);
    expect(again.replicator.status()).toMatchObject({ peers: [{ host: b.id, equal: true }], away: [] });
  });

  test("does not take for equal, among many who are, one that can take in nothing and says so", () => {
    const world = createWorld(16);
    const hosts = Array.from({ length: 6 }, () => world.host(createMemoryStore()));
    const full = createMemoryStore();
    const merge = () => {
      throw new Error("the disk is full");
    };
    const stuck = world.host({ ...full, merge });
    world.run(10_000);
    save(hosts[0]!, ...many(world, 2));
    world.run(1_800_000);
    for (const { replicator } of hosts) {
      const unequal = replicator.status().peers.filter(({ equal }) => !equal);
      expect(unequal.map(({ host }) => host)).toEqual([stuck.id]);
    }
  });

  test("tells a clock that is an hour off", () => {
    const world = createWorld(6);
    const a = world.host(createMemoryStore());
    world.host(createMemoryStore(), { scheduler: { ...world, clock: () => world.clock() + 3_600_000 } });
    world.run(10_000);
    expect(Math.round(a.replicator.status().peers[0]!.clockOffset! / 1_000)).toBe(3_600);
  });

  test("reports a host id that two live peers claim, on every side, but not a peer that has just restarted", () => {
    const world = createWorld(7);
    const store = createMemoryStore();
    const a = world.host(store, { place: "a", id: "same" });
    const c = world.host(createMemoryStore());
    a.mesh.crash?.();
    void a.replicator.stop();
    const again = world.host(store, { place: "a", id: "same" });
    world.run(60_000);
    expect(c.replicator.status().duplicateHosts).toEqual([]);
    world.host(store.copy(), { place: "clone", id: "same" });
    world.run(60_000);
    for (const { replicator, notices } of [again, c]) {
      expect(replicator.status().duplicateHosts).toEqual(["same"]);
      expect(notices.filter(({ kind }) => kind === "duplicateHost")).toHaveLength(1);
    }
  });
});

describe("a peer of a newer protocol", () => {
  const announced = (newest: number, oldest: number) => ({
    newest,
    oldest,
    clock: 0,
    count: 0,
    fingerprint: "",
    name: "n",
  });

  test("is reported and left alone when it no longer speaks ours, and understood while it does", () => {
    for (const oldest of [protocol.newest, protocol.newest + 1]) {
      const world = createWorld(8);
      const a = world.host(createMemoryStore());
      const tap = counted(world.network.connect("newer"));
      let asked = 0;
      tap.mesh.open({
        linked: () => {},
        received: () => {},
        asked: () => void asked++,
        present: () => {},
        left: () => {},
        relayed: () => {},
        deleted: () => {},
      });
      tap.mesh.announce(world.sealAnnouncement(tap.mesh.self, { ...announced(9, oldest), host: "newer" }));
      world.run(60_000);
      const understood = oldest <= protocol.newest;
      expect(a.replicator.status().peers[0]?.understood).toBe(understood);
      expect(a.notices.filter(({ kind }) => kind === "notUnderstood")).toHaveLength(understood ? 0 : 1);
      expect(asked > 0).toBe(understood);
    }
  });
});
