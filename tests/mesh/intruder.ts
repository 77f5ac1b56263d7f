/**
 * A program of another local user at a router's WebSocket, run in the host's namespace: it ignores the certificate,
 * names itself a web page, and does what its standard input says. Prints what it was given.
 */
import { Config, Encoding, Sample, Session } from "@eclipse-zenoh/zenoh-ts";

/** What it does, one after the other. */
export interface Intrusion {
  port: number;
  remove?: string[];
  /** Bytes in hex, by name. */
  put?: { [name: string]: string };
  /** Names and bytes in hex of all that it can read, after the rest. */
  dump?: string;
}

const origin = "https://a.web.page";
const Plain = globalThis.WebSocket;

async function intrude({ port, remove = [], put = {}, dump }: Intrusion): Promise<{ [name: string]: string }> {
  globalThis.WebSocket = class extends Plain {
    constructor(url: string | URL) {
      super(url, { tls: { rejectUnauthorized: false }, headers: { Origin: origin } } as never);
    }
  } as typeof WebSocket;
  console.log = () => {}; // the client greets
  const session = await Session.open(new Config(`wss://127.0.0.1:${port}`, 5_000));
  for (const name of remove) await session.delete(name);
  for (const [name, hex] of Object.entries(put)) {
    await session.put(name, Buffer.from(hex, "hex"), { encoding: Encoding.ZENOH_BYTES });
  }
  await session.newTimestamp(); // the router has handled all before it
  const found: { [name: string]: string } = {};
  const { promise, resolve } = Promise.withResolvers<void>();
  const onReply = (reply: { result(): unknown }) => {
    const sample = reply.result();
    if (sample instanceof Sample) found[sample.keyexpr().toString()] = sample.payload().toBytes().toHex();
  };
  if (dump === undefined) resolve();
  else await session.get(dump, { handler: [onReply, () => resolve()] });
  await promise;
  return found;
}

/** What a connection gets that does as browsers do: it keeps to the certificates that it knows, or to none. */
async function browse(url: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = new Plain(url, { headers: { Origin: origin } } as never);
  socket.addEventListener("open", () => resolve("open"));
  socket.addEventListener("close", () => resolve("closed"));
  socket.addEventListener("error", () => resolve("closed"));
  return await promise;
}

if (import.meta.main) {
  const [url] = process.argv.slice(2);
  const given = url ? await browse(url) : await intrude((await Bun.stdin.json()) as Intrusion);
  await Bun.write(Bun.stdout, JSON.stringify(given));
  process.exit(0);
}
