import type { Reply } from "@eclipse-zenoh/zenoh-ts";
import { openLink, zenoh, type Link } from "./client.ts";

/** What a router tells of itself over its WebSocket. */
export interface RouterView {
  zid: string;
  /** Names of the storages that answer, and of the volumes that are loaded. */
  storages: string[];
  volumes: string[];
  /** Ids of the routers it is linked to. */
  routers: string[];
}

/**
 * Asks the router at a port of 127.0.0.1 what it is, within `deadline` milliseconds. `authority` is the PEM of the only
 * certificate that it may show. Throws an Error that says why there is no answer.
 */
export async function probeRouter(port: number, authority: string | undefined, deadline: number): Promise<RouterView> {
  const link = await openLink({ port, certificate: authority }, deadline);
  if (!link) throw new Error(`nothing of ours answers at port ${port} of 127.0.0.1`);
  try {
    const info = await link.session.info();
    const zid = info.zid().toString();
    const manager = `@/${zid.replace(/^0+/, "")}/router/status/plugins/storage_manager`;
    const [storages, volumes] = await Promise.all([
      names(link, `${manager}/storages/*`, deadline),
      names(link, `${manager}/volumes/*`, deadline),
    ]);
    return { zid, storages, volumes, routers: info.routersZid().map((router) => router.toString()) };
  } finally {
    link.close();
  }
}

/** The last parts of the keys under which the router's admin space answers. */
async function names({ session, closed }: Link, selector: string, deadline: number): Promise<string[]> {
  const { Duration, Sample } = await zenoh();
  const found = new Set<string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, deadline);
  const onReply = (reply: Reply) => {
    const result = reply.result();
    if (result instanceof Sample) found.add(result.keyexpr().toString().split("/").at(-1)!);
  };
  await session.get(selector, { timeout: Duration.milliseconds.of(deadline), handler: [onReply, () => resolve()] });
  await Promise.race([promise, closed]);
  clearTimeout(timer);
  return [...found];
}
