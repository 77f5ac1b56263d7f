/** The second thread of an import gives the tokens that the first would make, or nothing. */
import { expect, test } from "bun:test";
import { payloadOf, readObservation } from "../../src/core/observation.ts";
import { tokensOf } from "../../src/store/search-index.ts";
import { openTokenThread, type TokenThread } from "../../src/store/token-thread.ts";
import { idOf, observation } from "./records.ts";

const worker = (...argv: string[]) => new Worker(new URL("token-thread.worker.ts", import.meta.url), { argv });

/** Asks until the thread is up. */
async function answer(thread: TokenThread, payloads: readonly string[]) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(1)) {
    const made = await thread.make(payloads);
    if (made) return made;
  }
  throw new Error("the thread did not come up");
}

test("makes the tokens of many payloads, and none of what cannot be read", async () => {
  const contents = ["Retries need jitter", "", "再試行にはゆらぎが要る", "half a pair: \ud83d", "x".repeat(40_000)];
  const payloads = contents.map((content) => observation(idOf(content), { content, tags: ["a", "b"] }).payload!);
  const thread = openTokenThread(worker());
  try {
    const made = await answer(thread, [
      ...payloads,
      "",
      "no JSON",
      payloadOf({ observation_id: "", reason: "", deleted_at: "" }),
    ]);
    const own = payloads.map((payload) => tokensOf(readObservation(payload, "")!));
    expect(made.map((tokens) => tokens && Buffer.from(tokens).toString())).toEqual([
      ...own.map((tokens) => Buffer.from(tokens).toString()),
      undefined,
      undefined,
      undefined,
    ]);
    expect(await Promise.all([thread.make([payloads[0]!]), thread.make([payloads[2]!])])).toEqual([[own[0]], [own[2]]]);
  } finally {
    thread.close();
  }
});

test("gives nothing before it is up, after it has died, and once it is closed", async () => {
  const payload = observation(idOf("a")).payload!;
  const thread = openTokenThread(worker("--mortal"));
  try {
    expect(await thread.make([payload])).toBeUndefined();
    await answer(thread, [payload]); // it answers and dies
    for (const deadline = Date.now() + 10_000; await thread.make([payload]);) {
      if (Date.now() > deadline) throw new Error("the thread lives");
    }
  } finally {
    thread.close();
  }
  expect(await thread.make([payload])).toBeUndefined();
});
