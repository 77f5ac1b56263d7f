import { expect, test } from "bun:test";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { linesOf } from "../../src/mcp/lines.ts";
import { lineTransport, maxLineBytes } from "../../src/mcp/transport.ts";

const ping = (id: number) => ({ jsonrpc: "2.0" as const, id, method: "ping" });
const answer = (id: number) => ({ jsonrpc: "2.0" as const, id, result: {} });

/** An input to be filled piece by piece. */
function pipe() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
    highWaterMark: 1_000,
  });
  const writer = writable.getWriter();
  return { readable, send: (text: string) => writer.write(Buffer.from(text)), end: () => writer.close() };
}

/** A transport over an input, with what it received and what it wrote. */
async function opened(input: ReadableStream<Uint8Array>, write?: (line: string) => Promise<unknown>) {
  const written: string[] = [];
  const received: JSONRPCMessage[] = [];
  const transport = lineTransport(input, write ?? (async (line) => written.push(line)));
  transport.onmessage = (message) => received.push(message);
  await transport.start();
  return { transport, received, written: () => written.map((line) => JSON.parse(line) as unknown) };
}

function chunks(...texts: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(Buffer.from(text));
      controller.close();
    },
  });
}

test("lines are found however the bytes are cut", async () => {
  const bytes = Buffer.from("erste Zeile\r\n\n  \nzweite: 日本語\nlast");
  for (let size = 1; size <= bytes.length; size++) {
    const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    const lines = await Array.fromAsync(linesOf(chunks(...cut), 100), (line) => Buffer.from(line!).toString());
    expect(lines).toEqual(["erste Zeile\r", "zweite: 日本語", "last"]);
  }
});

test("a line that is too long costs no memory and hides no other", async () => {
  const lines = linesOf(chunks("a\n", "x".repeat(60), "x".repeat(60), "x\nb\n"), 100);
  expect(await Array.fromAsync(lines, (line) => line && Buffer.from(line).toString())).toEqual(["a", undefined, "b"]);
});

test("what is no message is answered with what is wrong, and the next line is read", async () => {
  const lines = [
    "no JSON",
    '{"jsonrpc":"2.0","id":7}',
    '{"jsonrpc":"1.0","id":"seven","method":"ping"}',
    '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    "null",
    JSON.stringify(ping(1)),
  ];
  const { transport, received, written } = await opened(
    chunks(`${lines.join("\n")}\n`, Buffer.from([0x22, 0xff, 0x22, 0x0a])),
  );
  await transport.hungUp;
  await transport.send(answer(1));
  expect(received).toEqual([ping(1)]);
  expect(written()).toEqual([
    { jsonrpc: "2.0", id: null, error: { code: -32700, message: expect.any(String) } },
    { jsonrpc: "2.0", id: 7, error: { code: -32600, message: expect.any(String) } },
    { jsonrpc: "2.0", id: "seven", error: { code: -32600, message: expect.any(String) } },
    { jsonrpc: "2.0", id: null, error: { code: -32600, message: expect.any(String) } },
    { jsonrpc: "2.0", id: null, error: { code: -32600, message: expect.any(String) } },
    { jsonrpc: "2.0", id: null, error: { code: -32700, message: expect.any(String) } },
    answer(1),
  ]);
});

test("the longest content of a save fits into a line, in the worst way of writing it", async () => {
  const message = { ...ping(1), params: { content: "\u0001".repeat(1024 * 1024) } };
  const { transport, received } = await opened(chunks(`${JSON.stringify(message)}\n`));
  await transport.hungUp;
  expect(received).toHaveLength(1);
});

test("a line beyond the limit is answered, and does not end the session", async () => {
  const { transport, received, written } = await opened(
    chunks("x".repeat(maxLineBytes), "x\n", `${JSON.stringify(ping(1))}\n`),
  );
  await transport.hungUp;
  expect(written()).toEqual([{ jsonrpc: "2.0", id: null, error: { code: -32600, message: expect.any(String) } }]);
  expect(received).toEqual([ping(1)]);
});

test("it finishes when every request is answered, and takes none after that", async () => {
  const { readable, send } = pipe();
  const { transport, received } = await opened(readable);
  await send(`${JSON.stringify(ping(1))}\n${JSON.stringify(ping(2))}\n`);
  while (received.length < 2) await Bun.sleep(1);
  let done = false;
  const finished = transport.finish().then(() => (done = true));
  await transport.send(answer(2));
  await Bun.sleep(1);
  expect(done).toBe(false);
  await send(`${JSON.stringify(ping(3))}\n`);
  await transport.send(answer(1));
  await finished;
  expect(received).toHaveLength(2);
});

test("a cancelled request, which gets no answer, is not waited for", async () => {
  const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
  const { transport } = await opened(chunks(`${JSON.stringify(ping(1))}\n${JSON.stringify(cancel)}\n`));
  await transport.hungUp;
  await transport.finish();
});

test("it waits for a slow reader, and keeps the order of what it writes", async () => {
  const order: string[] = [];
  const { transport } = await opened(chunks(), async (line) => {
    await Bun.sleep(order.length === 0 ? 20 : 0);
    order.push(line);
  });
  void transport.send(answer(1));
  void transport.send(answer(2));
  await transport.finish();
  expect(order.map((line) => JSON.parse(line).id)).toEqual([1, 2]);
});

test("a client that does not read any more has hung up", async () => {
  const { readable } = pipe(); // its input stays open
  const { transport } = await opened(readable, () => Promise.reject(new Error("EPIPE")));
  await transport.send(answer(1));
  await transport.hungUp;
  await transport.finish();
});

test("an input that cannot be read has ended", async () => {
  const { transport } = await opened(
    new ReadableStream({
      pull() {
        throw new Error("EISDIR");
      },
    }),
  );
  await transport.hungUp;
});

test("closing it lets go of its input", async () => {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const { transport } = await opened(new ReadableStream({ cancel: () => resolve() }));
  await transport.close();
  await cancelled;
});
