import { expect, setSystemTime, test } from "bun:test";
import { join } from "node:path";
import { askRunning, createResponder, synchronise } from "../../src/mesh/request.ts";
import { acquireLock, meshLockPath } from "../../src/store/lock.ts";
import type { Replicator } from "../../src/sync/replicator.ts";
import { world } from "../world.ts";

/** Notes as the database keeps them, and a process that takes part in the mesh and looks at them. */
function host() {
  const notes = new Map<string, string>();
  const store = {
    state: (key: string) => notes.get(key),
    setState: (key: string, text: string) => void notes.set(key, text),
  };
  const asked: boolean[] = [];
  const replicator = {
    status: () => ({ pending: 2, records: 7 }),
    async synchronise(_: number, readStorage: boolean) {
      asked.push(readStorage);
      return { session: { sent: 2, received: 3, heldThrough: 9 }, reading: undefined, pending: 0 };
    },
  } as unknown as Replicator;
  const respond = () => createResponder(store, replicator);
  function run() {
    const look = respond();
    const timer = setInterval(() => void look(), 5);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }
  return { store, asked, respond, run };
}

const answer = { moved: 5, pending: 0, reached: true };

test("commands that ask at the same time are all answered, each with what it asked for", async () => {
  const { store, asked, run } = host();
  using _ = run();
  const answers = await Promise.all([true, false, false].map((full) => askRunning(store, 10_000, full)));
  expect(answers).toEqual([answer, answer, answer].map((one) => expect.objectContaining(one)));
  expect(asked.toSorted()).toEqual([false, false, true]);
});

test("a request that its command puts there again is carried out once, and does not stay in memory for good", async () => {
  const { store, asked, respond } = host();
  const look = respond();
  async function put(id: string): Promise<number> {
    store.setState("mesh.request", JSON.stringify({ id, deadline: 10_000, full: false }));
    await look();
    return asked.length;
  }
  async function putOthers(count: number): Promise<number> {
    for (let i = 0; i < count; i++) await put(crypto.randomUUID());
    return asked.length;
  }
  expect(await put("again")).toBe(1);
  expect(await putOthers(62)).toBe(63); // what a command sees go by that waits for half a minute
  expect(await put("again")).toBe(63);
  expect(await putOthers(1_000)).toBe(1_063);
  expect(await put("again")).toBe(1_064); // nobody waits for it: that it is done anew shows that it was forgotten
});

test("nobody there is told after the deadline, and a later process leaves an old request alone", async () => {
  const { store, asked, run } = host();
  expect(await askRunning(store, -900, false)).toBeUndefined();
  using _ = run();
  expect(await askRunning(store, 10_000, true)).toMatchObject(answer);
  expect(asked).toEqual([true]);
});

test("a clock that is set back while an answer is waited for keeps nobody waiting", async () => {
  const { store } = host();
  setSystemTime(new Date("2026-01-01"));
  const asked = askRunning(store, -900, false);
  setSystemTime(new Date("2025-01-01"));
  expect(await asked.finally(() => setSystemTime())).toBeUndefined();
});

test("what a peer has brought meanwhile by a session of its own counts as moved", async () => {
  let records = 10;
  const replicator = {
    status: () => ({ pending: 1, records }),
    async synchronise() {
      records += 2;
      return { session: { sent: 0, received: 0, heldThrough: 9 }, reading: undefined, pending: 0 };
    },
  } as unknown as Replicator;
  expect(await synchronise(replicator, 10_000, false)).toEqual({ moved: 3, pending: 0, reached: true });
});

/** What `drain --pending` does where a process takes part whose synchronisation ends so: its lines on stderr, and its status. */
async function drainedWith(done: { session?: object; pending: number }) {
  using w = world();
  await w.save("something to send");
  await w.kioku(["init", "--mode", "hub", "--listen", "127.0.0.1"]);
  const replicator = { status: () => ({ pending: 3, records: 3 }), synchronise: async () => done };
  const release = acquireLock(meshLockPath(join(w.home, ".local/share/mesh-mem")))!;
  const { context, close } = w.context();
  const respond = createResponder(context.store(), replicator as unknown as Replicator);
  const timer = setInterval(() => void respond(), 5);
  try {
    return await w.kioku(["drain", "--pending"]);
  } finally {
    clearInterval(timer);
    await close();
    release();
  }
}

test("drain has status 1 as long as something waits, and says where nobody could be reached", async () => {
  const session = { sent: 3, received: 0, heldThrough: 3 };
  expect(await drainedWith({ session, pending: 0 })).toEqual({
    out: "pending_puts drain complete: drained=3, remaining=0\n",
    err: "",
    exitCode: 0,
  });
  expect(await drainedWith({ session: { ...session, sent: 1 }, pending: 2 })).toEqual({
    out: "pending_puts drain complete: drained=1, remaining=2\n",
    err: "",
    exitCode: 1,
  });
  expect(await drainedWith({ pending: 3 })).toEqual({
    out: "pending_puts drain complete: drained=0, remaining=3\n",
    err: "nobody could be reached within 30 s; nothing is lost\n",
    exitCode: 1,
  });
});
