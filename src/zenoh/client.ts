import type { Session } from "@eclipse-zenoh/zenoh-ts";

/** The router's WebSocket: a port of 127.0.0.1, and the certificate that it must show (none: plain `ws`). */
export interface Endpoint {
  port: number;
  certificate: string | undefined;
}

/** An open session and the end of its WebSocket, of which the client itself says nothing. */
export interface Link {
  session: Session;
  closed: Promise<void>;
  /** Settles as work does, or with `otherwise` when this ends first. What has settled is forgotten here. */
  whileOpen<T>(work: Promise<T>, otherwise: T): Promise<T>;
  close(): void;
}

const NativeWebSocket = globalThis.WebSocket;

/** What the sockets that the client opens by itself need to know, by their address. */
const openings = new Map<string, { certificate: string | undefined; socket: WebSocket | undefined; given: boolean }>();

/**
 * The client takes the global WebSocket, knows no certificates, goes on opening sockets for half an hour where the first
 * fails, and keeps them to itself. This one pins the router's certificate, remembers the socket, and refuses a second.
 */
class PinnedWebSocket extends NativeWebSocket {
  #isClients = false;

  constructor(url: string | URL, options?: string | string[]) {
    const opening = openings.get(String(url));
    if (!opening) {
      super(url, options); // nobody else's sockets are our business
      return;
    }
    if (opening.given) throw new Error("the router's WebSocket could not be opened");
    opening.given = true;
    super(url, (opening.certificate ? { tls: { ca: opening.certificate } } : {}) as never);
    opening.socket = this;
    this.#isClients = true;
  }

  /**
   * The client waits in a loop for less to be buffered, in which neither a closed socket nor its own timeout ends well. Who
   * sends through it waits for each record to be taken, which is enough.
   */
  override get bufferedAmount(): number {
    return this.#isClients ? 0 : super.bufferedAmount;
  }
}

/** What the client prints on stdout and stderr: noise for a person, and poison for whoever reads our output. */
const noise = /^(Successfully opened session|Connected to|WebSocket |Restart connection|Failed to |Received )/;

let loading: Promise<typeof import("@eclipse-zenoh/zenoh-ts")> | undefined;

/** Loads the client library once, 11 ms, with its printing and its WebSocket tamed. */
export function zenoh() {
  return (loading ??= (async () => {
    globalThis.WebSocket = PinnedWebSocket as typeof WebSocket;
    for (const method of ["log", "warn"] as const) {
      const print = console[method].bind(console);
      console[method] = (...words: unknown[]) => {
        if (typeof words[0] !== "string" || !noise.test(words[0])) print(...words);
      };
    }
    return await import("@eclipse-zenoh/zenoh-ts");
  })());
}

/** Opens a session within `deadline` milliseconds; undefined where there is no router, or not the one expected. */
export async function openLink({ port, certificate }: Endpoint, deadline: number): Promise<Link | undefined> {
  const { Config, Session } = await zenoh();
  if (!(await answers(port, deadline))) return undefined;
  // The plugin looks at no path: this one tells our attempts apart, of which two may be under way at once.
  const url = `${certificate ? "wss" : "ws"}://127.0.0.1:${port}/${crypto.randomUUID()}`;
  const opening = { certificate, socket: undefined as WebSocket | undefined, given: false };
  openings.set(url, opening);
  const attempt = Session.open(new Config(url, 5_000));
  // Until it has ended, however late: a second socket of it must still be recognised, and refused.
  attempt.then(forget, forget);
  function forget(): void {
    openings.delete(url);
  }
  const timer = Promise.withResolvers<undefined>();
  const timeout = setTimeout(timer.resolve, deadline);
  try {
    const refused = new Promise<undefined>((resolve) =>
      opening.socket?.addEventListener("close", () => resolve(undefined), { once: true }),
    );
    const session = await Promise.race([attempt, timer.promise, refused]);
    if (!session) {
      opening.socket?.close();
      return undefined;
    }
    return linked(session, opening.socket!);
  } catch {
    return undefined; // why a router did not answer, the supervisor of the router knows better
  } finally {
    clearTimeout(timeout);
  }
}

function linked(session: Session, socket: WebSocket): Link {
  const closed = Promise.withResolvers<void>();
  const waiting = new Set<() => void>();
  let isOpen = socket.readyState === NativeWebSocket.OPEN;

  function end(): void {
    isOpen = false;
    closed.resolve();
    for (const one of waiting) one();
  }

  if (isOpen) socket.addEventListener("close", end, { once: true });
  else end();
  return {
    session,
    closed: closed.promise,
    async whileOpen(work, otherwise) {
      if (!isOpen) return otherwise;
      // A race with `closed` would keep what each work gave for as long as the link lasts: all answers of all peers.
      const { promise, resolve } = Promise.withResolvers<typeof otherwise>();
      const giveUp = () => resolve(otherwise);
      waiting.add(giveUp);
      return await Promise.race([work, promise]).finally(() => waiting.delete(giveUp));
    },
    close() {
      socket.onmessage = null; // nothing is heard after this
      socket.close();
      end();
    },
  };
}

/** Whether something listens on a port of this machine. */
async function answers(port: number, deadline: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timeout = setTimeout(() => resolve(false), deadline);
  try {
    const socket = await Promise.race([
      Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {}, error: () => resolve(false) } }),
      promise,
    ]);
    if (typeof socket === "boolean") return socket;
    socket.end();
    return true;
  } catch {
    return false; // refused: nothing listens
  } finally {
    clearTimeout(timeout);
  }
}
