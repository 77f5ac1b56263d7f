import { expect, test } from "bun:test";
import { createServer } from "../../src/mcp/server.ts";
import { lineTransport } from "../../src/mcp/transport.ts";
import { seeded } from "../random.ts";
import { anyLine, expectMessage } from "./fuzz.ts";
import { contextWith } from "./world.ts";

const lastCall = Buffer.from(
  JSON.stringify({ jsonrpc: "2.0", id: "last", method: "tools/call", params: { name: "search_memory" } }),
);

test.each([1, 2, 3, 4])("2,500 lines of a broken client (seed %i) do not break the server", async (seed) => {
  const cases = 2_500;
  const chance = seeded(seed);
  const written: string[] = [];
  const bugs: unknown[] = [];
  const { error } = console;
  console.error = (...said) => void bugs.push(...said);
  let id = 0;
  const input = new ReadableStream<Uint8Array>({
    async pull(controller) {
      id++;
      if (id % 50 === 0) await Bun.sleep(0); // lets it answer
      controller.enqueue(Buffer.concat([id > cases ? lastCall : anyLine(chance, id), Buffer.from("\n")]));
      if (id > cases) controller.close();
    },
  });
  try {
    const transport = lineTransport(input, async (line) => written.push(line));
    await createServer(contextWith()).connect(transport);
    await transport.hungUp;
    await transport.finish();
  } finally {
    console.error = error;
  }
  const messages = written.map(expectMessage);
  expect(messages.length).toBeGreaterThan(cases * 0.8);
  const ids = messages.map(({ id }) => id).filter((id) => typeof id === "number" && id > 0 && Number.isInteger(id));
  expect(messages.find(({ id }) => id === "last")).toHaveProperty("result.structuredContent.result");
  expect(ids.length).toBeGreaterThan(cases / 2);
  expect(bugs).toEqual([]); // an internal error is a bug, though the client is told of it
  expect(written.filter((line) => line.includes("internal error"))).toEqual([]);
});
