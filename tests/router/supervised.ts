import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../src/router/private-files.ts";
import {
  type RouterPlan,
  type RouterState,
  superviseRouter,
  type SupervisorOptions,
} from "../../src/router/supervise.ts";
import { realRouter } from "./real-router.ts";
import { probe } from "./zenoh-probe.ts";

export type Ready = Extract<RouterState, { state: "ready" }>;

/** A supervisor under test, with what it has reported. */
export interface Supervised {
  state: string;
  mesh: string;
  states: RouterState[];
  /** The next state of that kind, counted from the last one that was asked for. */
  next<S extends RouterState["state"]>(state: S): Promise<Extract<RouterState, { state: S }>>;
  restart(reason: string): void;
  stop(): Promise<void>;
}

const cleanups: (() => Promise<void> | void)[] = [];

/** Has a process killed at the end of the test, if it is still there then. */
export function endLater(pid: number): void {
  cleanups.push(() => {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });
}

/** For `afterEach`: ends everything that the tests have started, also when they failed. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
}

export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "kioku-router-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts a supervisor of the real router in a state directory, by default a new one. */
export function supervise(
  plan: () => RouterPlan,
  { state = temporaryDirectory(), ...more }: Partial<SupervisorOptions> & { state?: string } = {},
): Supervised {
  const states: RouterState[] = [];
  let asked = 0;
  let wake = Promise.withResolvers<void>();
  const mesh = join(state, "mesh");
  const { stop, restart } = superviseRouter({
    directory: mesh,
    stateDirectory: state,
    provide: realRouter,
    plan,
    probe,
    env: {},
    now: () => new Date("2026-01-02T03:04:05Z"),
    ...more,
    timing: { firstDelayMs: 20, ...more.timing },
    onState(reported) {
      states.push(reported);
      wake.resolve();
      wake = Promise.withResolvers();
    },
  });
  cleanups.push(stop);
  return {
    state,
    mesh,
    states,
    async next(kind) {
      const deadline = performance.now() + 60_000;
      for (;;) {
        const found = states.findIndex(({ state: name }, index) => index >= asked && name === kind);
        if (found >= 0) {
          asked = found + 1;
          return states[found] as never;
        }
        if (performance.now() > deadline) throw new Error(`no state ${kind} in ${JSON.stringify(states)}`);
        await Promise.race([wake.promise, Bun.sleep(1_000)]);
      }
    },
    restart,
    stop,
  };
}

/** A port of the loopback that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Waits until something holds, looking again and again. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await Bun.sleep(50);
  }
}
