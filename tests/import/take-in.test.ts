/** Taking in many records, whatever the source, the second thread and the disk do meanwhile. */
import { expect, test } from "bun:test";
import type { Context } from "../../src/ops/context.ts";
import { takeIn } from "../../src/ops/take-in.ts";
import { openText } from "../../src/store/foreign/source.ts";
import type { Store } from "../../src/store/store.ts";
import { openTokenThread, type TokenThread } from "../../src/store/token-thread.ts";
import { idOf, memoryStore, now, observation } from "../store/records.ts";

const lines = (from: number, to: number) =>
  Array.from(
    { length: to - from },
    (_, i) => `${observation(idOf(`${from + i}`), { content: `memory ${from + i}` }).payload}\n`,
  );

async function* streamOf(texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

const contextOf = (store: Partial<Store>, more: Partial<Context> = {}) =>
  ({ store: () => store, now: () => new Date(now), paths: { database: "memory.db" }, ...more }) as unknown as Context;

test("what was taken in is told where the search index cannot be settled after it: the disk is full, or someone has the lock", async () => {
  for (const code of ["SQLITE_FULL", "SQLITE_BUSY"]) {
    const store = memoryStore();
    const settle = () => {
      throw Object.assign(new Error("not now"), { code });
    };
    const source = openText("lines", streamOf(lines(0, 200)));
    const [harvest] = await takeIn(contextOf({ ...store, settle }), [source], false);
    expect(harvest!.tally.observations).toBe(200);
    expect(harvest!.failure).toBeUndefined();
    store.close();
  }
});

test("a defect in settling is not hidden", async () => {
  const store = memoryStore();
  const settle = () => {
    throw new TypeError("a defect");
  };
  const source = openText("lines", streamOf(lines(0, 1)));
  await expect(takeIn(contextOf({ ...store, settle }), [source], false)).rejects.toThrow("a defect");
  store.close();
});

test("an import whose second thread dies of a batch goes on with the first", async () => {
  const answers: boolean[] = [];
  const startThread = async () => {
    const worker = new Worker(new URL("../store/token-thread.worker.ts", import.meta.url), { argv: ["--mortal"] });
    const thread = openTokenThread(worker);
    const make: TokenThread["make"] = async (payloads) => {
      const made = await thread.make(payloads);
      answers.push(made !== undefined);
      return made;
    };
    return { ...thread, make };
  };
  let count = 0;
  async function* stream() {
    const hasDied = () => answers.includes(true) && answers.at(-1) === false;
    for (const deadline = Date.now() + 20_000; !hasDied() && Date.now() < deadline; await Bun.sleep(5)) {
      yield* streamOf(lines(count, (count += 100)));
    }
  }
  const store = memoryStore();
  const [harvest] = await takeIn(contextOf(store, { startThread }), [openText("lines", stream())], false);
  expect(answers).toContain(true);
  expect(answers.at(-1)).toBe(false);
  expect(harvest!.tally.observations).toBe(count);
  for (const n of [0, 64, 200, count - 1]) {
    const { hits } = store.search(`"memory ${n}"`, {}, now, 50);
    expect(hits.map(({ observation: { content } }) => content)).toContain(`memory ${n}`);
  }
  store.close();
}, 30_000);
