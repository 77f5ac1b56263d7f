import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { parseEndpoint } from "../../src/router/endpoint.ts";
import { commandLine, freeLoopbackPort, portConflicts } from "../../src/router/ports.ts";

const endpoint = (text: string) => parseEndpoint(text, { sealed: false, role: "listen" });

async function listener(host: string) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return { port, close: () => new Promise((resolve) => server.close(resolve)) };
}

test("a free port of the loopback lies below those that systems give away by themselves", async () => {
  const port = await freeLoopbackPort();
  expect(port).toBeWithin(20_000, 32_768);
  const server = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response() });
  await server.stop();
});

test("a process on a port is named, whichever of the port's addresses it took", async () => {
  for (const [held, asked] of [
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["127.0.0.1", "0.0.0.0"],
    ["::1", "[::1]"],
  ] as const) {
    const { port, close } = await listener(held);
    const [conflict] = await portConflicts([endpoint(`${asked}:${port}`)]);
    expect(conflict?.endpoint).toBe(`tcp/${asked}:${port}`);
    expect(conflict?.holder).toEndWith(`(pid ${process.pid})`);
    expect(conflict?.holder).toStartWith(commandLine(process.pid).slice(0, 20));
    await close();
  }
});

test("a free port, an address that is not here, and UDP are no conflicts", async () => {
  const { port, close } = await listener("127.0.0.1");
  await close();
  const texts = [`127.0.0.1:${port}`, "192.0.2.1:7447", `udp/127.0.0.1:${port}`];
  expect(await portConflicts(texts.map(endpoint))).toEqual([]);
});

test("a process that is gone has no command line", () => {
  expect(commandLine(999_999_999)).toBe("");
});
