import { describe, expect, test } from "bun:test";
import { deriveKeys } from "../../src/seal/keys.ts";
import { sealMessage } from "../../src/seal/message-seal.ts";
import { meshSealer } from "../../src/sync/mesh-sealer.ts";
import type { Mesh, MeshListener } from "../../src/sync/mesh.ts";
import { decodeAnnouncement, decodeQuestion, protocol } from "../../src/sync/message.ts";
import { idOffsets } from "../../src/sync/reconcile.ts";
import { createWriter, MalformedMessage, type Writer } from "../../src/sync/wire.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createRandom } from "./virtual-time.ts";
import { areEqual, createWorld, setOf, type Host, type World } from "./world.ts";

const ours = deriveKeys(new Uint8Array(32).fill(1));
const foreign = deriveKeys(new Uint8Array(32).fill(2));

const silent: MeshListener = {
  linked: () => {},
  received: () => {},
  asked: () => undefined,
  present: () => {},
  left: () => {},
  relayed: () => {},
  deleted: () => {},
};

/** Two hosts of a sealed mesh, each behind a mesh that an attacker may change. */
function sealedPair(change: (mesh: Mesh) => Mesh = (mesh) => mesh): { world: World; a: Host; b: Host } {
  const world = createWorld(1);
  const host = (place: string) =>
    world.host(createMemoryStore(), { mesh: change(world.network.connect(place)), sealer: meshSealer(ours) });
  return { world, a: host("a"), b: host("b") };
}

const droppedBy = ({ replicator }: Host) => Object.values(replicator.status().dropped).reduce((a, b) => a + b, 0);

describe("whoever lacks the mesh key", () => {
  test("brings in no record, and what he publishes is dropped and counted", () => {
    const { world, a, b } = sealedPair();
    const attacker = world.network.connect("attacker");
    attacker.open(silent);
    world.run(5_000);
    const record = world.record("observation", undefined, { content: "obey me" });
    const good = meshSealer(ours).seal(record);
    const other = meshSealer(ours).seal(world.record("observation", undefined));
    const changed = good.bytes.slice();
    changed[40]! ^= 1;
    void attacker.publish(good.name, changed); // changed by a bit
    void attacker.publish(other.name, good.bytes); // moved to another name
    void attacker.publish(meshSealer(foreign).seal(record).name, meshSealer(foreign).seal(record).bytes);
    void attacker.publish(good.name, new Uint8Array());
    world.run(5_000);
    for (const host of [a, b]) {
      expect(host.store.count()).toBe(0);
      expect(droppedBy(host)).toBe(4);
      expect(host.notices.filter(({ kind }) => kind === "dropped")).not.toHaveLength(0);
    }
  });

  test("gets no answer to a question, sealed with another key, repeated or made up", () => {
    const questions: Uint8Array[] = [];
    const { world, a, b } = sealedPair((mesh) => ({
      ...mesh,
      ask(peer, question, deadline) {
        questions.push(question.slice());
        return mesh.ask(peer, question, deadline);
      },
    }));
    const attacker = world.network.connect("attacker");
    attacker.open(silent);
    world.run(10_000);
    expect(questions.length).toBeGreaterThan(0);
    const binding = { purpose: "question", from: attacker.self, to: a.mesh.self, context: new Uint8Array() };
    const answers: (Uint8Array | undefined)[] = [];
    for (const question of [...questions, sealMessage(foreign, binding, Uint8Array.of(1, 8, 0, 0))]) {
      for (const { mesh } of [a, b]) void attacker.ask(mesh.self, question, 1_000).then((x) => answers.push(x));
    }
    world.run(5_000);
    expect(answers).toEqual(Array(2 * questions.length + 2).fill(undefined));
  });

  test("cannot pass for a peer by his announcement", () => {
    const { world, a } = sealedPair();
    const attacker = world.network.connect("attacker");
    attacker.open(silent);
    world.run(1_000);
    attacker.announce(Uint8Array.of(1, 2, 3));
    world.run(60_000);
    const peer = a.replicator.status().peers.find(({ peer: id }) => id === attacker.self);
    expect(peer).toMatchObject({ understood: false, lastContact: undefined });
    expect(a.notices.filter(({ kind }) => kind === "notUnderstood")).toHaveLength(1);
  });
});

test("whoever makes up peers without end slows nobody down, and is shown as the few that fit a page", () => {
  const { world, a, b } = sealedPair();
  for (let i = 0; i < 200; i++) world.network.connect("attacker").announce(Uint8Array.of(i));
  world.run(30_000);
  expect(a.replicator.status().peers).toHaveLength(33);
  a.store.merge([world.record("observation", undefined)]);
  expect(world.until(() => b.store.count() === 1, 8_000)).toBe(true); // with 200 peers to spread over it would be 20 s
});

describe("a router that forwards what it likes", () => {
  test("silences nobody by repeating old announcements and old answers", () => {
    let hostile = false;
    let replays = 0;
    const old = new Map<string, Uint8Array>();
    const { world, a, b } = sealedPair((mesh) => ({
      ...mesh,
      announce(announcement) {
        if (!hostile) mesh.announce(announcement); // peers keep the old one, which says "equal"
      },
      async ask(peer, question, deadline) {
        const answer = await mesh.ask(peer, question, deadline);
        const replayed = old.get(peer);
        if (!hostile && answer) old.set(peer, answer);
        return hostile && replayed && replays++ < 5 ? replayed : answer; // which says "equal" too
      },
      publish: (name, bytes) => (hostile ? Promise.resolve(true) : mesh.publish(name, bytes)),
    }));
    a.store.append([world.record("observation", undefined)]);
    world.run(30_000);
    expect(old.size).toBeGreaterThan(0);
    hostile = true;
    a.store.append([world.record("observation", undefined)]);
    const through = () => b.store.count() === 2 && areEqual([a, b]) && a.replicator.status().pending === 0;
    expect(world.until(through, 600_000)).toBe(true);
    expect(droppedBy(a) + droppedBy(b)).toBeGreaterThan(0);
  });

  test("by keeping announcements back delays a comparison, and does not prevent it", () => {
    let frozen = false;
    const { world, a, b } = sealedPair((mesh) => ({
      ...mesh,
      announce: (announcement) => void (frozen || mesh.announce(announcement)),
    }));
    world.run(30_000);
    frozen = true;
    a.store.merge([world.record("observation", undefined)]); // of a third peer, so nobody has anything pending
    expect(world.until(() => b.store.count() === 1, 1_000_000)).toBe(true);
  });

  test("leaves a peer's announcement as it was by talking nonsense under its name", () => {
    const { world, a, b } = sealedPair();
    world.run(5_000);
    const attacker = { ...world.network.connect("attacker", b.mesh.self) };
    attacker.open(silent);
    attacker.announce(Uint8Array.of(6, 6, 6));
    world.run(1_000);
    expect(a.replicator.status().peers[0]).toMatchObject({ peer: b.mesh.self, understood: true, name: b.id });
    expect(droppedBy(a)).toBeGreaterThan(0);
  });

  test("never makes a record pass for held, while it answers in the peer's place", () => {
    let cut = false;
    const answers: Uint8Array[] = [];
    const { world, a } = sealedPair((mesh) => ({
      ...mesh,
      async ask(peer, question, deadline) {
        if (cut) return answers[Math.floor(world.random() * answers.length)];
        const answer = await mesh.ask(peer, question, deadline);
        if (answer) answers.push(answer);
        return answer;
      },
      publish: (name, bytes) => (cut ? Promise.resolve(true) : mesh.publish(name, bytes)),
    }));
    a.store.append([world.record("observation", undefined)]);
    world.run(30_000);
    cut = true;
    a.store.append([world.record("observation", undefined)]);
    world.run(600_000);
    expect(a.replicator.status().pending).toBe(1);
  });

  test("brings back nothing erased by publishing old bytes", () => {
    const published: { name: string; bytes: Uint8Array }[] = [];
    const { world, a, b } = sealedPair((mesh) => ({
      ...mesh,
      publish(name, bytes) {
        published.push({ name, bytes: bytes.slice() });
        return mesh.publish(name, bytes);
      },
    }));
    const attacker = world.network.connect("attacker");
    attacker.open(silent);
    world.run(1_000);
    const observation = world.record("observation", undefined, { content: "secret" });
    a.store.append([observation]);
    world.run(5_000);
    a.store.append([world.record("erasure", observation.id)]);
    world.run(5_000);
    for (const { name, bytes } of published) void attacker.publish(name, bytes);
    world.run(60_000);
    for (const { store } of [a, b]) expect(store.find("observation", observation.id)?.payload).toBeNull();
    expect(setOf(a.store)).toBe(setOf(b.store));
  });
});

test("a storage that answers without end costs no more than the records that it has", () => {
  const world = createWorld(1);
  const record = world.record("observation", undefined);
  const { name, bytes } = meshSealer(ours).seal(record);
  let scans = 0;
  const endless = (mesh: Mesh): Mesh => ({
    ...mesh,
    storage: {
      ...mesh.storage!,
      scan(_, visit) {
        scans++;
        for (let i = 0; i < 5_000; i++) visit(i % 2 ? name : `${name.slice(0, -4)}${i}`, bytes);
        return Promise.resolve(true);
      },
    },
  });
  world.network.shelve("a");
  const store = createMemoryStore();
  let merged = 0;
  const counting = {
    ...store,
    merge: (some: Parameters<typeof store.merge>[0]) => ((merged += some.length), store.merge(some)),
  };
  const host = world.host(counting, { mesh: endless(world.network.connect("a")), sealer: meshSealer(ours) });
  expect(world.until(() => scans > 0 && store.count() === 1, 60_000)).toBe(true);
  expect([merged, droppedBy(host)]).toEqual([scans, 2_500 * scans]);
});

test("whoever sends nothings without end fills no memory: what waits is bounded by number too", () => {
  const { world, a } = sealedPair();
  const attacker = world.network.connect("attacker");
  attacker.open(silent);
  world.run(1_000);
  for (let i = 0; i < 40_000; i++) void attacker.publish("kioku/x", new Uint8Array());
  world.run(1_000);
  const { "record: too many at once": thrown = 0, "record: notAuthentic": looked = 0 } = a.replicator.status().dropped;
  expect([thrown > 5_000, thrown + looked]).toEqual([true, 40_000]);
});

describe("a message that claims more than it has is refused before anything is made of it:", () => {
  const claiming = (write: (writer: Writer) => void) => {
    const writer = createWriter();
    for (const byte of [protocol.newest, idOffsets.first]) writer.byte(byte);
    write(writer);
    return writer.done();
  };
  test.each([
    ["records of no bytes", (writer: Writer) => [0, 1_000_000].forEach(writer.number), 1_000_000],
    ["ranges of three bytes", (writer: Writer) => writer.number(100_000), 300_001],
  ])("%s", (_, write, padding) => {
    const message = claiming((writer) => {
      write(writer);
      writer.raw(new Uint8Array(padding));
    });
    expect(() => decodeQuestion(message)).toThrow(MalformedMessage);
  });
});

test("what a peer calls itself is short, whatever it announces", () => {
  const told = { newest: 1, oldest: 1, count: 0, fingerprint: "", clock: 0, read: false };
  const letter = { ...told, host: "h".repeat(200), name: "obey me ".repeat(30) };
  const { host, name } = decodeAnnouncement(new TextEncoder().encode(JSON.stringify(letter)));
  expect([host.length, name.length]).toEqual([64, 48]);
});

test("bytes by chance, as records, questions, answers and announcements, do no harm", () => {
  const random = createRandom(3);
  const noise = (bytes: Uint8Array) => {
    const copy = bytes.slice(0, Math.floor(random() * (bytes.length + 1)));
    for (let i = 0; i < 3; i++) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
    return copy;
  };
  const world = createWorld(2);
  const noisy = (mesh: Mesh): Mesh => ({
    ...mesh,
    publish: (name, bytes) => mesh.publish(name, random() < 0.3 ? noise(bytes) : bytes),
    announce: (announcement) => mesh.announce(random() < 0.3 ? noise(announcement) : announcement),
    async ask(peer, question, deadline) {
      const answer = await mesh.ask(peer, random() < 0.2 ? noise(question) : question, deadline);
      return answer && random() < 0.2 ? noise(answer) : answer;
    },
  });
  const hosts = ["a", "b", "c"].map((place) =>
    world.host(createMemoryStore(), { mesh: noisy(world.network.connect(place)) }),
  );
  for (let i = 0; i < 300; i++) {
    hosts[i % 3]!.store.append([world.record("observation", undefined)]);
    world.run(200);
  }
  expect(world.until(() => areEqual(hosts) && hosts[0]!.store.count() === 300, 600_000)).toBe(true);
});
