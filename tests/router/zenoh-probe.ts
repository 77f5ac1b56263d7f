import { Config, ReplyError, Sample, Session } from "@eclipse-zenoh/zenoh-ts";
import type { Probe } from "../../src/router/readiness.ts";

// The client takes no options for its WebSocket, so the certificate to expect is looked up by port.
const pinned = new Map<string, string>();
const Plain = globalThis.WebSocket;
globalThis.WebSocket = class extends Plain {
  constructor(url: string | URL, options?: object) {
    const authority = pinned.get(new URL(url).port);
    super(url, (options ?? (authority ? { tls: { ca: authority } } : {})) as never);
  }
} as typeof WebSocket;

// It also greets at each connection, and complains when its router is killed, as these tests do all the time.
for (const level of ["log", "warn"] as const) {
  const print = console[level];
  console[level] = (...words: unknown[]) => {
    if (!/^(Connected to|Successfully opened session|Restart connection|WebSocket )/.test(String(words[0])))
      print(...words);
  };
}

/** A session on a router's WebSocket; `authority` is the certificate that it must show. */
export async function openSession(port: number, authority?: string): Promise<Session> {
  if (authority) pinned.set(String(port), authority);
  else pinned.delete(String(port));
  return Session.open(new Config(`${authority ? "wss" : "ws"}://127.0.0.1:${port}`, 5_000));
}

/** Everything that a get brings before the router says it is complete: key and text. */
export async function getAll(session: Session, selector: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  await session.get(selector, {
    handler: [
      (reply) => {
        const result = reply.result();
        if (result instanceof ReplyError) return;
        found.set((result as Sample).keyexpr().toString(), (result as Sample).payload().toString());
      },
      () => resolve(),
    ],
  });
  await promise;
  return found;
}

/** What the mesh's own client does: asks the router who it is and what it runs. */
export const probe: Probe = async (port, authority) => {
  const session = await openSession(port, authority);
  try {
    const zid = (await session.info()).zid().toString();
    const status = `@/${zid.replace(/^0+/, "")}/router/status/plugins/storage_manager`;
    const names = async (kind: string) =>
      [...(await getAll(session, `${status}/${kind}/*`)).keys()].map((key) => key.split("/").at(-1)!);
    return { zid, storages: await names("storages"), volumes: await names("volumes") };
  } finally {
    await session.close();
  }
};
