import { rmSync } from "node:fs";
import { UserError } from "../core/errors.ts";
import { stageDirectory, type Router } from "./provision.ts";
import type { Probe, ReadyTiming } from "./readiness.ts";
import { type RouterState, superviseRouter } from "./supervise.ts";

/**
 * Starts a router that nobody can reach, with both plugins and a RocksDB storage in a directory of its own, to see whether
 * it works on this machine; gives the version it reports. Plugins of another build, a C library that is too old or a volume
 * that does not load show only so. Throws UserError `unavailable` with what went wrong. `root` as in `provideRouter`.
 */
export async function tryRouter(
  root: string,
  router: Router,
  probe: Probe,
  timing: Partial<ReadyTiming> = { answerMs: 15_000, storageMs: 15_000 },
): Promise<string> {
  const version = await reportedVersion(router);
  const directory = stageDirectory(root);
  const { promise, resolve } = Promise.withResolvers<RouterState>();
  const supervisor = superviseRouter({
    directory,
    stateDirectory: directory,
    env: {},
    provide: async () => router,
    plan: () => ({ file: trialFile }),
    probe,
    now: () => new Date(0),
    onState: (state) => state.state !== "starting" && resolve(state),
    timing,
  });
  const outcome = await promise;
  await supervisor.stop();
  rmSync(directory, { recursive: true, force: true });
  if (outcome.state === "failed") throw outcome.error;
  if (outcome.state === "restarting") throw unusable(outcome.reason);
  return version;
}

const trialFile = {
  plugins: {
    storage_manager: {
      volumes: { rocksdb: {} },
      storages: { trial: { key_expr: "trial/**", volume: { id: "rocksdb", dir: "trial", create_db: true } } },
    },
  },
};

async function reportedVersion({ zenohd }: Router): Promise<string> {
  try {
    const child = Bun.spawn([zenohd, "--version"], { env: {}, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [said, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return (
      /zenohd v(\d[\w.+-]*)/.exec(said)?.[1] ?? unusable(complaint.trim().split("\n").at(-1) || "it tells no version")
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    return unusable((error as Error).message);
  }
}

function unusable(problem: string): never {
  throw new UserError("unavailable", `this router does not work on this machine: ${problem}`, {
    hint: "a router for this machine comes with: kioku-mesh zenohd install",
  });
}
