import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { writePrivateFile } from "../host/files.ts";
import type { Credentials } from "../seal/certificate.ts";
import { pause, whenAborted } from "./abort.ts";
import { webSocketCredentialPaths, writeCredentials } from "./certificates.ts";
import { parseRouterFile, type JsonObject } from "./config.ts";
import { endpointText, furtherEndpoints, listenAddresses, type SkippedEndpoint } from "./endpoint.ts";
import { rocksdbRoot, routerEnvironment } from "./environment.ts";
import { startGuarded } from "./guard.ts";
import { openLogFile } from "./log-file.ts";
import { commandLine, freeLoopbackPort, type PortConflict, portConflicts } from "./ports.ts";
import { privateDirectory } from "./private-files.ts";
import { holdRouter, type Router } from "./provision.ts";
import { type Obstacle, type Probe, type ReadyTiming, whenReady } from "./readiness.ts";
import { readRunning, removeRunning, type RunningRouter, writeRunning } from "./running.ts";
import { listenEndpoints, startConfig } from "./start-config.ts";

/** What to run. Asked for anew at each start, so that a repaired file or a stored key takes effect. */
export interface RouterPlan {
  /** `parseRouterFile` or `ephemeralConfig`. */
  file: JsonObject;
  /** Present for a sealed mesh. */
  meshId?: string;
  /** The value of ZENOH_CONNECT: further routers to link to, of which our own is none. */
  zenohConnect?: string;
  /** For the WebSocket; without them it is plain. */
  webSocket?: Credentials;
}

export type RouterState =
  | ({ state: "starting" } & Limits)
  /** It runs, but has not been ready for a while: an empty storage first fetches everything from another router. */
  | { state: "waiting"; problem: string }
  | ({ state: "ready"; router: RunningRouter } & Limits)
  /** It ended, or was not what it should be. It starts again by itself. */
  | { state: "restarting"; reason: string; delayMs: number }
  /** It cannot be started before a person has done something. That is tried again all the same. */
  | { state: "failed"; error: UserError; delayMs: number }
  | { state: "stopped" };

/** What a router does without. */
export interface Limits {
  /** Listen endpoints whose port another process holds. The router tries them again and again. */
  conflicts: readonly PortConflict[];
  /** Parts of ZENOH_CONNECT that are not dialled. */
  skipped: readonly SkippedEndpoint[];
}

export interface Timing extends ReadyTiming {
  /** The pause before the second start; it doubles with each start that fails, up to `maxDelayMs`. */
  firstDelayMs: number;
  maxDelayMs: number;
  /** A router that was ready for so long has its pauses start anew. */
  stableMs: number;
}

const usualTiming: Timing = {
  firstDelayMs: 500,
  maxDelayMs: 30_000,
  stableMs: 60_000,
  answerMs: 30_000,
  storageMs: 600_000,
  tellMs: 3_000,
};

export interface SupervisorOptions {
  /** The state directory's `mesh/`: the router's working directory, with its log and its files. */
  directory: string;
  provide: () => Promise<Router>;
  plan: () => RouterPlan | Promise<RouterPlan>;
  probe: Probe;
  onState: (state: RouterState) => void;
  /** The user's: only what `routerEnvironment` names reaches the router. */
  env: { readonly [name: string]: string | undefined };
  stateDirectory: string;
  now: () => Date;
  timing?: Partial<Timing>;
}

export interface Supervisor {
  /** Ends the router and starts it again, because it no longer answers or its configuration has changed. */
  restart(reason: string): void;
  /** Ends the router and resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * Keeps a router running until told to stop. One supervisor for each state directory at a time, which the caller sees to.
 * The router never outlives this process (`startGuarded`), and what it prints goes to `zenohd.log`.
 */
export function superviseRouter(options: SupervisorOptions): Supervisor {
  const timing = { ...usualTiming, ...options.timing };
  const stopping = new AbortController();
  let restart = new AbortController();
  const done = (async () => {
    await endLeftover(options.directory).catch(() => {}); // it ended meanwhile, or it is not ours to end: its lock will tell
    let delayMs = timing.firstDelayMs;
    while (!stopping.signal.aborted) {
      restart = new AbortController();
      const end = await runOnce(options, timing, AbortSignal.any([stopping.signal, restart.signal]));
      if (stopping.signal.aborted) break;
      if (end.readyMs >= timing.stableMs) delayMs = timing.firstDelayMs;
      if ("error" in end) options.onState({ state: "failed", error: end.error, delayMs });
      else options.onState({ state: "restarting", reason: end.reason, delayMs });
      await pause(delayMs, stopping.signal);
      delayMs = Math.min(delayMs * 2, timing.maxDelayMs);
    }
    options.onState({ state: "stopped" });
  })();
  return {
    restart: (reason) => restart.abort(reason),
    async stop() {
      stopping.abort("stopped");
      await done;
    },
  };
}

/** How one run of the router ended, and how long it had been ready. */
type End = { readyMs: number } & ({ reason: string } | { error: UserError });

async function runOnce(options: SupervisorOptions, timing: Timing, signal: AbortSignal): Promise<End> {
  try {
    return await runRouter(options, timing, signal);
  } catch (error) {
    if (error instanceof UserError) return { readyMs: 0, error };
    return { readyMs: 0, reason: error instanceof Error ? error.message : String(error) }; // a full disk, for one
  }
}

/** One router from start to end. */
async function runRouter(options: SupervisorOptions, timing: Timing, signal: AbortSignal): Promise<End> {
  const start = await prepare(options);
  signal.throwIfAborted();
  const { router, plan, id, port, limits } = start;
  options.onState({ state: "starting", ...limits });
  const child = startRouter(start, options);
  try {
    const authority = plan.webSocket?.authority;
    const waiting = new AbortController();
    const expected = { ...start.config, id, port, authority, errors: child.errors };
    const tell = (problem: string) => options.onState({ state: "waiting", problem });
    const obstacle = await Promise.race([
      Promise.race([child.ended, whenAborted(signal)]).then((reason): Obstacle => ({ reason })),
      whenReady(expected, timing, options.probe, tell, waiting.signal),
    ]).finally(() => waiting.abort("the router ended"));
    if (obstacle) {
      await child.stop();
      const damaged = start.config.storages.find(({ name }) => name === obstacle.damaged);
      if (damaged?.directory) return { readyMs: 0, reason: replaceStorage(damaged.directory, plan, options) };
      return { readyMs: 0, reason: obstacle.reason };
    }
    const readySince = performance.now();
    const running = {
      pid: child.pid,
      id,
      port,
      authority,
      version: router.version,
      since: options.now().toISOString(),
    };
    writeRunning(options.directory, running);
    options.onState({ state: "ready", router: running, ...limits });
    const reason = await Promise.race([child.ended, whenAborted(signal)]);
    return { readyMs: performance.now() - readySince, reason };
  } finally {
    removeRunning(options.directory);
    await child.stop();
  }
}

/** Decides what is new at each start, and writes the files that the router reads. */
async function prepare({ directory, provide, plan: makePlan }: SupervisorOptions) {
  const router = await provide();
  const plan = await makePlan();
  const id = randomBytes(16).toString("hex").replace(/^0/, "1"); // Zenoh takes no leading 0
  const port = await freeLoopbackPort();
  const webSocket = plan.webSocket && webSocketCredentialPaths(directory);
  const sealed = plan.meshId !== undefined;
  const listen = listenEndpoints(plan.file, sealed);
  const conflicts = await portConflicts(listen);
  const held = conflicts.map(({ endpoint }) => endpoint);
  const ours = listen.filter((endpoint) => !held.includes(endpointText(endpoint)));
  const addresses = listenAddresses(networkInterfaces());
  const { dial, skipped } = furtherEndpoints(plan.zenohConnect ?? "", { sealed, listen: ours, addresses });
  const config = startConfig(plan.file, { router, id, port, webSocket, meshId: plan.meshId, connect: dial });
  privateDirectory(directory);
  if (webSocket) writeCredentials(webSocket, plan.webSocket!);
  writePrivateFile(configPath(directory), config.text);
  return { router, plan, id, port, config, limits: { conflicts, skipped } };
}

/** Starts zenohd with its log, and marks its files as in use, until it is stopped. */
function startRouter({ router }: { router: Router }, options: SupervisorOptions) {
  const { directory, env, stateDirectory } = options;
  const log = openLogFile(join(directory, "zenohd.log"));
  const release = holdRouter(router);
  const errors: string[] = [];
  let lastErrorAt = Number.NEGATIVE_INFINITY;
  const onLine = (line: string) => {
    log.write(line);
    if (!/error|panicked/i.test(line)) return;
    errors.push(withoutPrefix(line));
    if (errors.length > 50) errors.shift();
    lastErrorAt = performance.now();
  };
  const letGo = () => {
    release();
    log.close();
  };
  const child = (() => {
    try {
      const environment = routerEnvironment(env, stateDirectory);
      return startGuarded([router.zenohd, "-c", configPath(directory)], { directory, env: environment, onLine });
    } catch (error) {
      letGo();
      throw error;
    }
  })();
  return {
    pid: child.pid,
    errors,
    ended: child.ended.then((how) => {
      const why = performance.now() - lastErrorAt < 1_000 ? `: ${errors.at(-1)}` : ""; // an older one has other causes
      return `the router ${how}${why}`;
    }),
    stop: once(async () => {
      await child.stop();
      letGo();
    }),
  };
}

/** What the router of a state directory's `mesh/` was started with last. */
export function startedWith(directory: string): JsonObject {
  return parseRouterFile(readFileSync(configPath(directory), "utf8"), configPath(directory));
}

function configPath(directory: string): string {
  return join(directory, "zenohd.json");
}

/**
 * Makes room for a new storage in place of a damaged one, and tells so. What a sealed mesh stores is in every host's database,
 * so it can go. An open mesh's may hold what only the Python original has written, so it is kept under another name.
 */
function replaceStorage(name: string, { meshId }: RouterPlan, { env, stateDirectory, now }: SupervisorOptions): string {
  const path = resolve(rocksdbRoot(env, stateDirectory), name);
  if (meshId !== undefined) {
    rmSync(path, { recursive: true, force: true });
    return `its storage ${name} was damaged and is made anew`;
  }
  const aside = `${path}.damaged-${now()
    .toISOString()
    .replace(/\.\d+|\W/g, "")}`;
  renameSync(path, aside);
  return `its storage ${name} was damaged and is made anew; the damaged one is now ${aside}`;
}

/** Ends a router of ours that survived its supervisor, which takes somebody who kills both and the watcher. */
async function endLeftover(directory: string): Promise<void> {
  const left = readRunning(directory);
  if (left && commandLine(left.pid).includes(configPath(directory))) {
    process.kill(left.pid, "SIGKILL");
    for (let waits = 0; waits < 100 && commandLine(left.pid) !== ""; waits++) await Bun.sleep(20); // it holds RocksDB's lock
  }
  removeRunning(directory);
}

function once<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= run());
}

/** A line of zenohd's log without time, thread and module. */
function withoutPrefix(line: string): string {
  return line.replace(/^\S+Z\s+(ERROR|WARN)\s+\S+ ThreadId\(\d+\) [\w:]+: /, "").slice(0, 300);
}
