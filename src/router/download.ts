import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { fileDigest } from "./checksum.ts";
import { isAlive, privateDirectory } from "./private-files.ts";
import { fetchSafely } from "./web.ts";

export interface Download {
  name: string;
  /** Tried in this order. */
  urls: readonly string[];
  sha256: string;
  /** Where parts are kept until they are whole, so that a later attempt goes on from there. */
  directory: string;
  onProgress?: (progress: { name: string; received: number; total: number | undefined }) => void;
  signal?: AbortSignal;
  /** Without a byte for so long, a connection counts as lost. */
  stallMs?: number;
  /** Nothing longer is taken: what it is, its digest says only at its end. */
  mostBytes?: number;
}

/** Ten times an archive of Zenoh's. */
const usualMost = 256 * 1024 * 1024;

const attempts = 4;

/**
 * Fetches a file and gives its path once its SHA-256 is the expected one, never before. A cut connection is taken up where it
 * broke (HTTP Range), also by a later process: parts are named by the digest, so they can only be of the same content.
 */
export async function download(request: Download): Promise<string> {
  privateDirectory(request.directory);
  const part = adoptPart(request.directory, request.sha256);
  try {
    await fetchVerified(part, request);
    return part;
  } catch (error) {
    releasePart(part, request);
    throw error;
  }
}

async function fetchVerified(part: string, request: Download): Promise<void> {
  let mismatch: UserError | undefined;
  let failure: unknown;
  for (const url of request.urls)
    for (let attempt = 0; attempt < attempts; attempt++) {
      try {
        const resumed = await receive(url, part, request);
        if ((await fileDigest(part)) === request.sha256) return;
        rmSync(part);
        mismatch = new UserError("denied", `${request.name} does not have the expected SHA-256`, {
          hint: `expected ${request.sha256}; nothing was installed`,
        });
        if (!resumed) break; // the same bytes would come again; another place may have the right ones
      } catch (error) {
        request.signal?.throwIfAborted();
        failure = error;
        if (error instanceof UserError) break;
      }
    }
  if (mismatch) throw mismatch;
  if (failure instanceof UserError) throw failure;
  throw new UserError("unavailable", `cannot download ${request.name}: ${(failure as Error).message}`, {
    cause: failure,
    hint: "try again: what has arrived is kept. Without a network: kioku-mesh zenohd install --from DIRECTORY|ARCHIVE",
  });
}

/** Gives whether it went on from what was there. */
async function receive(url: string, part: string, request: Download): Promise<boolean> {
  const { name, onProgress, signal, stallMs, mostBytes = usualMost } = request;
  const have = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  const stall = new AbortController();
  const limit = stallMs ?? 30_000;
  let timer = setTimeout(() => stall.abort(new Error("no answer")), limit);
  try {
    const response = await fetchSafely(url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
    });
    if (response.status === 416) return true; // nothing lies beyond what is here: the digest says whether it is whole
    if (response.status >= 500) throw new Error(`${url} answers ${response.status}`);
    if (!response.ok) throw new UserError("unavailable", `${url} answers ${response.status}`);
    const resumed = response.status === 206;
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    let received = resumed ? have : 0;
    const total = Number.isFinite(length) ? received + length : undefined;
    const file = openSync(part, resumed ? "a" : "w", 0o600);
    try {
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        timer = setTimeout(() => stall.abort(new Error("the connection stalled")), limit);
        received += chunk.length;
        if (received > mostBytes) throw tooLong(name, part);
        writeSync(file, chunk);
        onProgress?.({ name, received, total });
      }
    } finally {
      closeSync(file);
    }
    if (total !== undefined && received < total) throw new Error("the connection was cut");
    return resumed;
  } finally {
    clearTimeout(timer);
  }
}

/** What has come of it is worth nothing, and would be taken up again. */
function tooLong(name: string, part: string): UserError {
  rmSync(part, { force: true });
  return new UserError("denied", `${name} does not end where an archive of a router would`, {
    hint: "nothing was installed",
  });
}

/** A part has one owner at a time: `<digest>.<pid>.<random>.part`, or `<digest>.part` when it waits for the next one. */
function adoptPart(directory: string, sha256: string): string {
  const mine = join(directory, `${sha256}.${process.pid}.${crypto.randomUUID()}.part`);
  for (const name of readdirSync(directory)) {
    const match = /^([0-9a-f]{64})(?:\.(\d+)\.[0-9a-f-]+)?\.part$/.exec(name);
    if (match?.[1] !== sha256 || (match[2] && isAlive(Number(match[2])))) continue;
    try {
      renameSync(join(directory, name), mine);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // another process was faster
    }
  }
  return mine;
}

function releasePart(part: string, { directory, sha256 }: Download): void {
  if (statSync(part, { throwIfNoEntry: false })) renameSync(part, join(directory, `${sha256}.part`));
}
