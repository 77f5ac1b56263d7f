import { expect, test } from "bun:test";
import { issueLoopbackCredentials } from "../../src/seal/authority.ts";
import { zenoh } from "../../src/zenoh/client.ts";

test("the client's WebSocket leaves everybody else's alone: they keep the certificate that they pin", async () => {
  const { certificate: cert, privateKey: key, authority } = issueLoopbackCredentials();
  await zenoh();
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert, key },
    fetch: (request, listener) => (listener.upgrade(request) ? undefined : new Response()),
    websocket: { message() {} },
  });
  const outcome = (options?: object) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(`wss://127.0.0.1:${server.port}`, options as never);
      socket.addEventListener("open", () => resolve("open"));
      socket.addEventListener("close", () => resolve("closed"));
    });
  expect([await outcome({ tls: { ca: authority } }), await outcome()]).toEqual(["open", "closed"]);
});
