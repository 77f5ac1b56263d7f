import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Mesh, PeerId } from "../../src/sync/mesh.ts";

/** A mesh of some technology, in working order, as the contract needs it. */
export interface MeshHarness {
  /** One more mesh, not yet opened: another process, on a host of its own where that makes a difference. */
  connect(): Mesh;
  /** A name that the mesh carries and stores, with these hex digits as its last part. */
  nameOf(digits: string): string;
  /** Waits until a condition holds; false where it does not within a time that is plenty. */
  until(condition: () => boolean): Promise<boolean>;
  /** Takes a mesh's link to its router away, and gives it back. */
  setLink(mesh: Mesh, up: boolean): Promise<void>;
  close(): Promise<void>;
}

/** An opened mesh and what it has told. */
interface Recorded {
  mesh: Mesh;
  links: boolean[];
  received: { name: string; bytes: Uint8Array }[];
  asked: { from: PeerId; question: string }[];
  present: Map<PeerId, string>;
  deleted: string[];
  events: number;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

/** What the replication rules rely on, tested on any implementation of the port. Deadlines are milliseconds. */
export function meshContract(name: string, createHarness: () => Promise<MeshHarness> | MeshHarness): void {
  describe(`the mesh over ${name}`, () => {
    let harness: MeshHarness;
    let opened: Recorded[];

    beforeEach(async () => {
      harness = await createHarness();
      opened = [];
    });

    afterEach(async () => {
      await Promise.all(opened.map(({ mesh }) => mesh.close()));
      await harness.close();
    });

    /** Opens a mesh that answers each question with "re: " and the question, and none that begins with "silence". */
    function open(): Recorded {
      const mesh = harness.connect();
      const recorded: Recorded = {
        mesh,
        links: [],
        received: [],
        asked: [],
        present: new Map(),
        deleted: [],
        events: 0,
      };
      const event =
        <A extends unknown[], R>(run: (...args: A) => R) =>
        (...args: A): R => {
          recorded.events++;
          return run(...args);
        };
      mesh.open({
        linked: event((up) => void recorded.links.push(up)),
        received: event((name, bytes) => void recorded.received.push({ name, bytes })),
        asked: event((from, question) => {
          const text = textOf(question)!;
          recorded.asked.push({ from, question: text });
          return text.startsWith("silence") ? undefined : bytesOf(`re: ${text}`);
        }),
        present: event((peer, announcement) => void recorded.present.set(peer, textOf(announcement)!)),
        left: event((peer) => void recorded.present.delete(peer)),
        relayed: () => {},
        deleted: event((expression) => void recorded.deleted.push(expression)),
      });
      opened.push(recorded);
      return recorded;
    }

    /** Opens meshes that are linked, announced and present to each other. */
    async function openPresent(count: number): Promise<Recorded[]> {
      const all = Array.from({ length: count }, open);
      expect(await harness.until(() => all.every(({ links }) => links.at(-1) === true))).toBe(true);
      all.forEach(({ mesh }, i) => mesh.announce(bytesOf(`peer ${i}`)));
      expect(await harness.until(() => all.every(({ present }) => present.size === count - 1))).toBe(true);
      return all;
    }

    /** Waits for what a mesh promises while the test's time passes. */
    async function settled<T>(promise: Promise<T>): Promise<T> {
      let done = false;
      void promise.then(() => (done = true));
      expect(await harness.until(() => done)).toBe(true);
      return promise;
    }

    test("each opening has an id of its own", () => {
      const ids = [harness.connect(), harness.connect(), harness.connect()].map(({ self }) => self);
      expect(new Set(ids).size).toBe(3);
      expect(ids).not.toContain("");
    });

    test("what one publishes reaches every other, name and bytes unchanged, whatever becomes of the buffer", async () => {
      const [a, b, c] = await openPresent(3);
      const bytes = Uint8Array.from({ length: 1_000_000 }, (_, i) => i % 251);
      expect(await settled(a!.mesh.publish(harness.nameOf("0123abcd"), bytes))).toBe(true);
      const expected = Bun.hash(bytes);
      bytes.fill(0);
      expect(await harness.until(() => b!.received.length > 0 && c!.received.length > 0)).toBe(true);
      for (const { received } of [b!, c!]) {
        expect(received[0]!.name).toBe(harness.nameOf("0123abcd"));
        expect(Bun.hash(received[0]!.bytes)).toBe(expected);
      }
    });

    test("what was answered is kept by nobody: a newcomer is told the whole memory in answers", async () => {
      const [a, b] = await openPresent(2);
      const answers: WeakRef<Uint8Array>[] = [];
      for (let i = 0; i < 40; i++) {
        answers.push(new WeakRef((await settled(a!.mesh.ask(b!.mesh.self, bytesOf(`question ${i}`), 5_000)))!));
      }
      const areGone = () => {
        Bun.gc(true);
        return answers.filter((answer) => answer.deref()).length <= 4; // the newest may lie about on the stack
      };
      expect(await harness.until(areGone)).toBe(true);
    });

    test("a burst of 2,000 arrives whole", async () => {
      const [a, b] = await openPresent(2);
      const sent = Array.from({ length: 2_000 }, (_, i) =>
        a!.mesh.publish(harness.nameOf(`${i}`.padStart(8, "0")), bytesOf(`${i}`)),
      );
      await settled(Promise.all(sent));
      const got = () => new Set(b!.received.map(({ bytes }) => textOf(bytes)));
      expect(await harness.until(() => got().size === 2_000)).toBe(true);
    });

    test("a question reaches the peer that is asked, and no other; its answer comes back", async () => {
      const [a, b, c] = await openPresent(3);
      const answers = await settled(
        Promise.all([
          a!.mesh.ask(b!.mesh.self, bytesOf("one"), 5_000),
          a!.mesh.ask(c!.mesh.self, bytesOf("two"), 5_000),
          c!.mesh.ask(b!.mesh.self, bytesOf("three"), 5_000),
        ]),
      );
      expect(answers.map(textOf)).toEqual(["re: one", "re: two", "re: three"]);
      expect(b!.asked.toSorted((x, y) => x.question.localeCompare(y.question))).toEqual([
        { from: a!.mesh.self, question: "one" },
        { from: c!.mesh.self, question: "three" },
      ]);
      expect(a!.asked).toEqual([]);
    });

    test("questions and answers of a megabyte pass", async () => {
      const [a, b] = await openPresent(2);
      const answer = await settled(a!.mesh.ask(b!.mesh.self, new Uint8Array(1_000_000).fill(97), 20_000));
      expect(answer?.length).toBe(1_000_004);
    });

    test("no answer, and nobody to ask, are the same after the deadline", async () => {
      const [a, b] = await openPresent(2);
      const silent = a!.mesh.ask(b!.mesh.self, bytesOf("silence, please"), 300);
      const nobody = a!.mesh.ask("00000000000000aa", bytesOf("anyone?"), 300);
      expect(await settled(Promise.all([silent, nobody]))).toEqual([undefined, undefined]);
    });

    test("an announcement is known to those who are there and to those who come, the latest one", async () => {
      const [a, b] = await openPresent(2);
      expect(b!.present.get(a!.mesh.self)).toBe("peer 0");
      expect(a!.present.has(a!.mesh.self)).toBe(false);
      a!.mesh.announce(bytesOf("x".repeat(512)));
      expect(await harness.until(() => b!.present.get(a!.mesh.self)?.length === 512)).toBe(true);
      a!.mesh.announce(bytesOf("changed"));
      expect(await harness.until(() => b!.present.get(a!.mesh.self) === "changed")).toBe(true);
      const late = open();
      expect(await harness.until(() => late.present.size === 2)).toBe(true);
      expect(late.present.get(a!.mesh.self)).toBe("changed");
      expect(late.present.get(b!.mesh.self)).toBe("peer 1");
    });

    test("a peer that closes has left, and hears nothing more", async () => {
      const [a, b] = await openPresent(2);
      await settled(b!.mesh.close());
      expect(await harness.until(() => a!.present.size === 0)).toBe(true);
      const heard = b!.events;
      await settled(a!.mesh.publish(harness.nameOf("00"), bytesOf("anyone?")));
      expect(await settled(a!.mesh.ask(b!.mesh.self, bytesOf("still there?"), 300))).toBeUndefined();
      expect(b!.events).toBe(heard);
    });

    test("a lost link is told, nothing hangs on it, and when it is back all is as before", async () => {
      const [a, b] = await openPresent(2);
      await harness.setLink(a!.mesh, false);
      expect(await harness.until(() => a!.links.at(-1) === false && b!.present.size === 0)).toBe(true);
      expect(await settled(a!.mesh.publish(harness.nameOf("00"), bytesOf("lost")))).toBe(false);
      expect(await settled(a!.mesh.ask(b!.mesh.self, bytesOf("lost"), 300))).toBeUndefined();
      a!.present.clear(); // void while the link is gone
      await harness.setLink(a!.mesh, true);
      expect(await harness.until(() => a!.links.at(-1) === true)).toBe(true);
      expect(await harness.until(() => a!.present.size === 1 && b!.present.size === 1)).toBe(true);
      expect(textOf(await settled(a!.mesh.ask(b!.mesh.self, bytesOf("back"), 5_000)))).toBe("re: back");
      await settled(b!.mesh.publish(harness.nameOf("01"), bytesOf("again")));
      expect(await harness.until(() => a!.received.some(({ bytes }) => textOf(bytes) === "again"))).toBe(true);
    });

    test("the storage gives back what was put and what was published, the latest bytes of each name", async () => {
      const [a, b] = await openPresent(2);
      const { storage } = b!.mesh;
      if (!storage) return; // a mesh whose routers keep nothing
      const digits = (i: number) => Bun.hash(`${i}`).toString(16).padStart(16, "0");
      const names = Array.from({ length: 40 }, (_, i) => harness.nameOf(digits(i)));
      for (const name of names) await settled(a!.mesh.storage!.put(name, bytesOf("old")));
      await settled(a!.mesh.publish(names[0]!, bytesOf("new")));
      const expected = names.map((name, i) => `${name} ${i === 0 ? "new" : "old"}`).toSorted();

      /** Reads slices until all there should be is there: a storage is not at once where its puts are. */
      async function scanned(slices: string[]): Promise<string[]> {
        for (let tries = 50; ; tries--) {
          const seen = new Map<string, string>();
          const visit = (name: string, bytes: Uint8Array) => void seen.set(name, textOf(bytes)!);
          for (const slice of slices) expect(await settled(storage!.scan(slice, visit, 5_000))).toBe(true);
          const found = [...seen].filter(([name]) => names.includes(name)).map(([name, text]) => `${name} ${text}`);
          if (tries === 0 || Bun.deepEquals(found.toSorted(), expected)) return found.toSorted();
          await settled(new Promise((resolve) => setTimeout(resolve, 20)));
        }
      }
      expect(await scanned([""])).toEqual(expected);
      expect(await scanned([..."0123456789abcdef"])).toEqual(expected);
      expect(new Set((await settled(storage.get(names[1]!, 5_000))).map(textOf))).toEqual(new Set(["old"]));
      expect(await settled(storage.get(harness.nameOf("00000000000000ff"), 1_000))).toEqual([]);
      expect(await settled(storage.remove(names[1]!))).toBe(true);
      expect(await harness.until(() => a!.deleted.includes(names[1]!))).toBe(true);
      expect(await settled(storage.get(names[1]!, 1_000))).toEqual([]);
    });
  });
}
