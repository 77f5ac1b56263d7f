import { pause, whenAborted } from "./abort.ts";

/** What a router tells of itself over its WebSocket. */
export interface RouterView {
  zid: string;
  /** Names of the storages that answer, and of the volumes that are loaded. */
  storages: readonly string[];
  volumes: readonly string[];
}

/** Asks the router at a port of 127.0.0.1. `authority` is the PEM of the only certificate that it may show. */
export type Probe = (port: number, authority: string | undefined, signal: AbortSignal) => Promise<RouterView>;

export interface ReadyTiming {
  /** Until it must answer as itself, with its volumes. */
  answerMs: number;
  /** Until its storages must be live: an empty one first fetches everything from another router. */
  storageMs: number;
  /** After so long it is told what is missing. */
  tellMs: number;
}

/** What the router that was started must turn out to be. */
export interface Expected {
  id: string;
  port: number;
  authority: string | undefined;
  storages: readonly { name: string }[];
  volumes: readonly string[];
  /** The errors that it has printed up to now. */
  errors: readonly string[];
}

/** Why a router is not ready. */
export interface Obstacle {
  reason: string;
  /** The storage whose files RocksDB finds damaged. */
  damaged?: string;
}

/** Undefined once the router answers as itself with everything live, else why it does not in time. */
export async function whenReady(
  expected: Expected,
  timing: ReadyTiming,
  probe: Probe,
  onWaiting: (problem: string) => void,
  signal: AbortSignal,
): Promise<Obstacle | undefined> {
  const start = performance.now();
  let told = "";
  for (let delayMs = 50; !signal.aborted; delayMs = Math.min(delayMs * 2, 1_000)) {
    const outcome = judge(expected, await ask(expected, probe, signal));
    if (outcome === "ready") return undefined;
    if (outcome.at === "end") return outcome;
    const waitedMs = performance.now() - start;
    if (waitedMs >= (outcome.at === "storage" ? timing.storageMs : timing.answerMs))
      return { reason: `the router is not ready: ${outcome.reason}` };
    if (waitedMs >= timing.tellMs && outcome.reason !== told) onWaiting((told = outcome.reason));
    await pause(delayMs, signal);
  }
  return { reason: String(signal.reason) };
}

/** `end`: waiting will not make it what it should be. */
type Outcome = "ready" | ({ at: "answer" | "storage" | "end" } & Obstacle);

function judge({ id, port, storages, volumes, errors }: Expected, view: RouterView | Error): Outcome {
  if (view instanceof Error) return { at: "answer", reason: view.message };
  if (view.zid.replace(/^0+/, "") !== id)
    return { at: "end", reason: `port ${port} of 127.0.0.1 answers as another router, ${view.zid}` };
  const volume = volumes.find((name) => !view.volumes.includes(name));
  if (volume) return { at: "answer", reason: `its volume ${volume} is not loaded` };
  const storage = storages.find(({ name }) => !view.storages.includes(name))?.name;
  if (!storage) return "ready";
  // An empty storage fetches from others first, which may take long; one that cannot be opened is told apart by the log.
  const error = errors.find((line) => line.includes(`Cannot spawn storage '${storage}'`));
  if (!error) return { at: "storage", reason: `its storage ${storage} is not live` };
  const reason = `its storage ${storage} cannot be opened: ${error.replace(/^.*?': /, "")}`;
  return { at: "end", reason, ...(error.includes("Corruption:") && { damaged: storage }) };
}

async function ask({ port, authority }: Expected, probe: Probe, signal: AbortSignal): Promise<RouterView | Error> {
  // First a bare handshake: the client of Zenoh may take minutes to notice that nobody listens.
  if (!(await answers(port, authority))) return new Error("it does not answer");
  const limit = AbortSignal.any([signal, AbortSignal.timeout(5_000)]);
  try {
    return await Promise.race([
      probe(port, authority, limit),
      whenAborted(limit).then(() => new Error("it does not answer in time")),
    ]);
  } catch (error) {
    return error as Error; // told when the time is over
  }
}

function answers(port: number, authority: string | undefined): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options: Bun.WebSocketOptions = authority ? { tls: { ca: authority } } : {};
  const socket = new WebSocket(`${authority ? "wss" : "ws"}://127.0.0.1:${port}`, options as never); // Bun's own extension
  socket.addEventListener("open", () => resolve(true));
  socket.addEventListener("close", () => resolve(false));
  const late = setTimeout(() => resolve(false), 2_000);
  return promise.finally(() => {
    clearTimeout(late);
    socket.close();
  });
}
