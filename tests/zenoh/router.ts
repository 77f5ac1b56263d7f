import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
  return await promise;
}

/** The four files of a real router, unpacked once for this process. Remove `folder` at the end. */
export function unpackRouter(): { folder: string; files: string } {
  const folder = mkdtempSync(join(tmpdir(), "kioku-zenoh-"));
  const archives = join(import.meta.dir, "../../../shared/zenoh");
  const archive = [...new Bun.Glob("*.tar.xz").scanSync(archives)][0]!;
  const { exitCode } = Bun.spawnSync(["tar", "-xJf", join(archives, archive), "-C", folder, "--strip-components=1"]);
  if (exitCode !== 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error("the router's archive cannot be unpacked");
  }
  return { folder, files: folder };
}

export interface RunningRouter {
  websocket: number;
  port: number;
  kill(): Promise<void>;
}

/** Starts a plain router on loopback with a storage in memory over `records`, dialling `connect`. */
export async function startRouter(
  files: string,
  {
    records,
    connect = [],
    websocket,
    port,
  }: { records: string; connect?: number[]; websocket?: number; port?: number },
): Promise<RunningRouter> {
  const [ws, tcp] = [websocket ?? (await freePort()), port ?? (await freePort())];
  const plugin = (name: string) => join(files, `libzenoh_${name}.so`);
  const config = {
    mode: "router",
    listen: { endpoints: [`tcp/127.0.0.1:${tcp}`] },
    connect: { endpoints: connect.map((peer) => `tcp/127.0.0.1:${peer}`) },
    scouting: { multicast: { enabled: false }, gossip: { enabled: false } },
    timestamping: { enabled: { router: true, peer: true, client: true } },
    plugins_loading: { enabled: true, search_dirs: [] },
    plugins: {
      remote_api: { __required__: true, __path__: plugin("plugin_remote_api"), websocket_port: `127.0.0.1:${ws}` },
      storage_manager: {
        __required__: true,
        __path__: plugin("plugin_storage_manager"),
        storages: { records: { key_expr: `${records}/**`, strip_prefix: records, volume: "memory" } },
      },
    },
  };
  mkdirSync(join(files, "home"), { recursive: true });
  const child = Bun.spawn([join(files, "zenohd"), "--cfg", `:${JSON.stringify(config)}`], {
    env: { HOME: join(files, "home"), RUST_LOG: "error" },
    cwd: files,
    stdio: ["ignore", "ignore", "ignore"],
  });
  return {
    websocket: ws,
    port: tcp,
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
