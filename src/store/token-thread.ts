import { readObservation } from "../core/observation.ts";
import type { Record } from "../core/record.ts";
import { tokensOf } from "./search-index.ts";

/** A second thread that makes search tokens while SQLite writes those made before: a third of an import's work. */
export interface TokenThread {
  /** The tokens of some payloads. Undefined while the thread starts, and where it has failed. */
  make(payloads: readonly string[]): Promise<Tokens | undefined>;
  close(): void;
}

/** The search tokens of each payload; undefined of those that cannot be read. */
export type Tokens = readonly (Uint8Array | undefined)[];

/** What there is to make tokens of: the payload of each observation, nothing of other records. */
export function contentsOf(records: readonly Record[]): string[] {
  return records.map(({ kind, payload }) => (kind === "observation" && payload) || "");
}

/** What crosses between the threads: the tokens of all payloads in one piece, and how many bytes each has. */
interface Made {
  lengths: Int32Array;
  bytes: Uint8Array<ArrayBuffer>;
}

/** The side of those who ask. `worker` runs `serveTokens`. */
export function openTokenThread(worker: Worker): TokenThread {
  let isUp = false;
  const waiting: ((made: Made | undefined) => void)[] = [];

  function end(): void {
    isUp = false;
    for (const resolve of waiting.splice(0)) resolve(undefined);
  }

  worker.onmessage = ({ data }: MessageEvent<"up" | Made>) => {
    if (data === "up") isUp = true;
    else waiting.shift()?.(data);
  };
  worker.onerror = (event) => {
    event.preventDefault(); // who asked does the work, and meets what went wrong
    end();
  };
  worker.onmessageerror = end;
  worker.addEventListener("close", end);

  return {
    async make(payloads) {
      if (!isUp) return undefined;
      const made = await new Promise<Made | undefined>((resolve) => {
        waiting.push(resolve);
        worker.postMessage(payloads);
      });
      return made && unpacked(made);
    },
    close(): void {
      end();
      worker.terminate();
    },
  };
}

/** The thread's own side. */
export function serveTokens(thread: Pick<Worker, "onmessage" | "postMessage">): void {
  thread.onmessage = ({ data }: MessageEvent<string[]>) => {
    const made = packed(data.map(tokensIn));
    thread.postMessage(made, [made.bytes.buffer]);
  };
  thread.postMessage("up");
}

function tokensIn(payload: string): Uint8Array {
  const observation = readObservation(payload, "");
  return observation ? tokensOf(observation) : new Uint8Array();
}

function packed(tokens: readonly Uint8Array[]): Made {
  const lengths = Int32Array.from(tokens, ({ length }) => length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const one of tokens) {
    bytes.set(one, at);
    at += one.length;
  }
  return { lengths, bytes };
}

function unpacked({ lengths, bytes }: Made): Tokens {
  let at = 0;
  return Array.from(lengths, (length) => (length > 0 ? bytes.subarray(at, (at += length)) : undefined));
}
