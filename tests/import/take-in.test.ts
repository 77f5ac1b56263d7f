/** Taking in many records, whatever the source, the second thread and the disk do meanwhile. */
import { expect, test } from "bun:test";
import type { Context } from "../../src/ops/context.ts";
import { takeIn } from "../../src/ops/take-in.ts";
import { openText } from "../../src/store/foreign/source.ts";
import type { Store } from "../../src/store/store.ts";
import { idOf, memoryStore, now, observation } from "../store/records.ts";

const lines = (from: number, to: number) =>
  Array.from(
    { length: to - from },
    (_, i) => `${observation(idOf(`${from + i}`), { content: `memory ${from + i}` }).payload}\n`,
  );

async function* streamOf(texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

const contextOf = (store: Partial<Store>) =>
  ({ store: () => store, now: () => new Date(now), paths: { database: "memory.db" } }) as unknown as Context;

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
