import { afterEach, describe, expect } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Session } from "@eclipse-zenoh/zenoh-ts";
import { UserError } from "../../src/core/errors.ts";
import { ephemeralConfig, parseRouterFile, routerFileText } from "../../src/router/config.ts";
import { commandLine } from "../../src/router/ports.ts";
import { isAlive } from "../../src/router/private-files.ts";
import { routerIn } from "../../src/router/provision.ts";
import { readRunning } from "../../src/router/running.ts";
import { tryRouter } from "../../src/router/trial.ts";
import { issueLoopbackCredentials } from "../../src/seal/authority.ts";
import { testWith } from "../needs.ts";
import { realRouter } from "./real-router.ts";
import { cleanUp, endLater, eventually, freePort, supervise, temporaryDirectory } from "./supervised.ts";
import { getAll, openSession, probe } from "./zenoh-probe.ts";

const routerTest = testWith("a router");
const alone = () => ({ file: ephemeralConfig([], []) });
const hub = (port: number) => ({
  file: parseRouterFile(
    routerFileText({ mode: "hub", listen: [`tcp/127.0.0.1:${port}`], connect: [], command: "test" }),
    "zenohd.json5",
  ),
});

afterEach(cleanUp);

describe("a supervised router", () => {
  routerTest("is ready when it answers as itself, with its storage live on RocksDB", async () => {
    const port = await freePort();
    const supervised = supervise(() => hub(port));
    const { router } = await supervised.next("ready");
    const view = await probe(router.port, undefined, AbortSignal.timeout(10_000));
    expect(view.zid).toBe(router.id);
    expect(view).toMatchObject({ storages: ["agent_mem"] });
    expect(view.volumes).toContain("rocksdb");
    expect(existsSync(join(supervised.state, "agent_mem", "CURRENT"))).toBeTrue();
    expect(readRunning(supervised.mesh)).toEqual(router);
  });

  routerTest("gets only what it needs, and leaves nothing for others to read", async () => {
    const root = temporaryDirectory();
    const env = {
      ZENOH_BACKEND_ROCKSDB_ROOT: root,
      SOME_TOKEN: "secret",
      LD_PRELOAD: "/nowhere.so",
      RUST_LOG: "trace",
    };
    const port = await freePort();
    const supervised = supervise(() => hub(port), { env });
    const { router } = await supervised.next("ready");
    const own = readFileSync(`/proc/${router.pid}/environ`, "utf8").split("\0").filter(Boolean);
    expect(own.filter((entry) => !/^(PWD|_)=/.test(entry)).toSorted()).toEqual([
      "NO_COLOR=1",
      "RUST_LOG=warn",
      "UHLC_MAX_DELTA_MS=60000",
      `ZENOH_BACKEND_ROCKSDB_ROOT=${root}`,
    ]);
    expect(readlinkSync(`/proc/${router.pid}/cwd`)).toBe(supervised.mesh);
    expect(commandLine(router.pid)).toEndWith(`zenohd -c ${join(supervised.mesh, "zenohd.json")}`); // no port, no id
    for (const folder of [supervised.mesh, root, join(root, "agent_mem")])
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    expect(statSync(supervised.mesh).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(supervised.mesh, "zenohd.log"), "utf8")).not.toContain(String(router.port));
  });

  routerTest("starts again when it is killed, as a new router", async () => {
    const supervised = supervise(alone);
    const first = (await supervised.next("ready")).router;
    process.kill(first.pid, "SIGKILL");
    expect((await supervised.next("restarting")).reason).toBe("the router was killed by SIGKILL");
    expect(readRunning(supervised.mesh)).toBeUndefined();
    const second = (await supervised.next("ready")).router;
    expect(second.id).not.toBe(first.id);
    expect(isAlive(first.pid)).toBeFalse();
    await supervised.stop();
    expect(isAlive(second.pid)).toBeFalse();
    expect(readRunning(supervised.mesh)).toBeUndefined();
    expect(supervised.states.at(-1)).toEqual({ state: "stopped" });
  });

  routerTest("starts again on request, also when it hangs", async () => {
    const supervised = supervise(alone);
    const { router } = await supervised.next("ready");
    process.kill(router.pid, "SIGSTOP");
    supervised.restart("it no longer answers");
    expect((await supervised.next("restarting")).reason).toBe("it no longer answers");
    expect((await supervised.next("ready")).router.id).not.toBe(router.id);
    expect(isAlive(router.pid)).toBeFalse();
  });

  routerTest("shows its pinned certificate on the WebSocket, and talks to nobody who expects another", async () => {
    const webSocket = issueLoopbackCredentials();
    const supervised = supervise(() => ({ ...alone(), webSocket }));
    const { router } = await supervised.next("ready");
    expect(router.authority).toBe(webSocket.certificate);
    const other = issueLoopbackCredentials();
    const socket = new WebSocket(`wss://127.0.0.1:${router.port}`, { tls: { ca: other.certificate } } as never);
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.addEventListener("open", () => resolve("open"));
    socket.addEventListener("close", () => resolve("refused"));
    expect(await promise).toBe("refused");
    const keys = readdirSync(join(supervised.mesh, "tls"));
    for (const name of keys) expect(statSync(join(supervised.mesh, "tls", name)).mode & 0o777).toBe(0o600);
  });
});

describe("no router outlives its supervisor", () => {
  async function startInProcess(state: string) {
    const child = Bun.spawn(
      [process.execPath, "--preload", "./build/wasm-esm.ts", "tests/router/supervisor-process.ts", state],
      { stdout: "ignore", stderr: "ignore", stdin: "ignore" },
    );
    endLater(child.pid);
    const router = await eventually("the router is ready", () => readRunning(join(state, "mesh")));
    endLater(router.pid);
    return { child, router };
  }
  /** The watcher is the only other member of the router's process group. */
  const watcherOf = (pid: number) =>
    readdirSync("/proc")
      .map(Number)
      .find((id) => id !== pid && readStat(id)?.group === pid);
  function readStat(pid: number) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      return { state: fields[0], group: Number(fields[2]) };
    } catch {
      return undefined; // not a process, or gone
    }
  }
  const gone = (pid: number) => !readStat(pid) || readStat(pid)?.state === "Z";

  routerTest("not when that is killed with kill -9", async () => {
    const { child, router } = await startInProcess(temporaryDirectory());
    const watcher = watcherOf(router.pid)!;
    expect(watcher).toBeNumber();
    process.kill(child.pid, "SIGKILL");
    await eventually("router and watcher are gone", () => gone(router.pid) && gone(watcher));
  });

  routerTest("and when somebody kills the watcher too, the next supervisor ends it", async () => {
    const state = temporaryDirectory();
    const { child, router } = await startInProcess(state);
    process.kill(watcherOf(router.pid)!, "SIGKILL");
    process.kill(child.pid, "SIGKILL");
    await child.exited;
    expect(gone(router.pid)).toBeFalse();
    const supervised = supervise(alone, { state });
    await supervised.next("ready");
    expect(gone(router.pid)).toBeTrue();
  });
});

describe("what stands in a router's way is named", () => {
  routerTest("a process on its port; the router runs without it and takes the port once it is free", async () => {
    const port = await freePort();
    const script = `require("net").createServer().listen(${port}, "127.0.0.1", () => console.log("here"))`;
    const foreign = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    await foreign.stdout.getReader().read();
    const supervised = supervise(() => hub(port));
    const { conflicts } = await supervised.next("ready");
    expect(conflicts).toHaveLength(1);
    expect(conflicts[0]!.endpoint).toBe(`tcp/127.0.0.1:${port}`);
    expect(conflicts[0]!.holder).toContain(`(pid ${foreign.pid})`);
    foreign.kill();
    await foreign.exited;
    const other = supervise(() => ({ file: ephemeralConfig([], [`tcp/127.0.0.1:${port}`]) }));
    const session = await openSession((await other.next("ready")).router.port);
    const zid = (await session.info()).zid().toString();
    await eventually("both are linked", async () => (await getAll(session, "@/*/router")).size === 2 || undefined);
    expect(zid).not.toBe("");
    await session.close();
  });

  routerTest("a router of the user's own on that port, to which ours links when ZENOH_CONNECT names it", async () => {
    const port = await freePort();
    const first = supervise(() => ({ file: ephemeralConfig([`tcp/127.0.0.1:${port}`], []) }));
    await first.next("ready");
    const zenohConnect = `tcp/localhost:${port}, bad/endpoint`;
    const second = supervise(() => ({ ...hub(port), zenohConnect }));
    const { router, conflicts, skipped } = await second.next("ready");
    expect(conflicts[0]!.holder).toContain("zenohd -c");
    expect(skipped).toEqual([{ endpoint: "bad/endpoint", reason: expect.stringContaining("unknown protocol") }]);
    const session = await openSession(router.port);
    await eventually("both are linked", async () => (await getAll(session, "@/*/router")).size === 2 || undefined);
    await session.close();
  });

  routerTest("a storage's directory that another process holds", async () => {
    const port = await freePort();
    const first = supervise(() => hub(port));
    await first.next("ready");
    const second = supervise(() => hub(port), { env: { ZENOH_BACKEND_ROCKSDB_ROOT: first.state } });
    expect((await second.next("restarting")).reason).toMatch(/^its storage agent_mem cannot be opened: .* lock file/);
    await first.stop();
    await second.next("ready");
  });

  routerTest("a storage that another router is filling is waited for, and that is told", async () => {
    let asked = 0;
    const supervised = supervise(() => hub(port), {
      probe: async (...request) => ({ ...(await probe(...request)), ...(asked++ < 2 && { storages: [] }) }),
      timing: { tellMs: 0 },
    });
    const port = await freePort();
    await supervised.next("ready");
    expect(supervised.states).toContainEqual({ state: "waiting", problem: "its storage agent_mem is not live" });
  });

  routerTest("a volume that does not load", async () => {
    const directory = temporaryDirectory();
    const real = await realRouter();
    cpSync(real.directory, directory, { recursive: true });
    writeFileSync(join(directory, "libzenoh_backend_rocksdb.so"), "not a library");
    const damaged = routerIn(directory, { version: real.version, target: "linux-x64", files: [] });
    const port = await freePort();
    const supervised = supervise(() => hub(port), { provide: async () => damaged, timing: { answerMs: 1_000 } });
    expect((await supervised.next("restarting")).reason).toContain("its volume rocksdb is not loaded");
    await expect(tryRouter(temporaryDirectory(), damaged, probe, { answerMs: 1_000 })).rejects.toThrow(
      "this router does not work on this machine: the router is not ready: its volume rocksdb is not loaded",
    );
  });

  routerTest("a program that does not run, tried again after longer and longer pauses", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "zenohd"), "#!/bin/sh\necho 'ERROR: version GLIBC_2.34 not found' >&2; exit 3\n");
    chmodSync(join(directory, "zenohd"), 0o700);
    const broken = routerIn(directory, { version: "1.10.2", target: "linux-x64", files: [] });
    const supervised = supervise(alone, { provide: async () => broken, timing: { maxDelayMs: 100 } });
    const delays = [];
    for (let i = 0; i < 5; i++) {
      const { reason, delayMs } = await supervised.next("restarting");
      expect(reason).toBe("the router ended with status 3: ERROR: version GLIBC_2.34 not found");
      delays.push(delayMs);
    }
    expect(delays).toEqual([20, 40, 80, 100, 100]);
  });

  routerTest("a mistake in its file, which is read again at the next start", async () => {
    const mistake = new UserError("usage", "zenohd.json5 is not valid JSON5");
    let correct = false;
    const supervised = supervise(() => {
      if (!correct) throw mistake;
      return alone();
    });
    expect((await supervised.next("failed")).error).toBe(mistake);
    correct = true;
    await supervised.next("ready");
  });

  routerTest("another router that answers at its port", async () => {
    let asked = 0;
    const supervised = supervise(alone, {
      probe: async (...request) => ({ ...(await probe(...request)), ...(asked++ === 0 && { zid: "abc" }) }),
    });
    expect((await supervised.next("restarting")).reason).toMatch(
      /^port \d+ of 127.0.0.1 answers as another router, abc/,
    );
    await supervised.next("ready");
  });
});

routerTest("what was stored under an open mesh's keys is there after a restart, as the original left it", async () => {
  const port = await freePort();
  const supervised = supervise(() => hub(port));
  const key = "mem/mesh/obs/claude/claude-code/pc/s-1/0123456789abcdef0123456789abcdef";
  const put = async (session: Session) => session.put(key, '{"content": "日本語"}');
  const first = await openSession((await supervised.next("ready")).router.port);
  await put(first);
  await eventually("it is stored", async () => (await getAll(first, key)).size > 0 || undefined);
  await first.close();
  process.kill((await readRunning(supervised.mesh)!).pid, "SIGKILL");
  const second = await openSession((await supervised.next("ready")).router.port);
  expect(await getAll(second, "mem/**")).toEqual(new Map([[key, '{"content": "日本語"}']]));
  await second.close();
});

describe("a damaged storage is made anew", () => {
  const damage = (state: string, name: string) => writeFileSync(join(state, name, "CURRENT"), "damaged");

  routerTest("in an open mesh beside the damaged one, whose records may be nowhere else", async () => {
    const port = await freePort();
    const supervised = supervise(() => hub(port));
    const { router } = await supervised.next("ready");
    damage(supervised.state, "agent_mem");
    process.kill(router.pid, "SIGKILL");
    await supervised.next("restarting");
    expect((await supervised.next("restarting")).reason).toContain(
      "its storage agent_mem was damaged and is made anew",
    );
    await supervised.next("ready");
    expect(readFileSync(join(supervised.state, "agent_mem.damaged-20260102T030405Z", "CURRENT"), "utf8")).toBe(
      "damaged",
    );
  });

  routerTest("in a sealed mesh in its place, because every host has its records", async () => {
    const tls = { root_ca_certificate: "", listen_certificate: "", connect_certificate: "", enable_mtls: true };
    const file = { transport: { link: { tls } }, plugins: { storage_manager: { volumes: { rocksdb: {} } } } };
    const supervised = supervise(() => ({ file, meshId: "00ff" }));
    const { router } = await supervised.next("ready");
    damage(supervised.state, "kioku_00ff");
    process.kill(router.pid, "SIGKILL");
    await supervised.next("restarting");
    await supervised.next("restarting");
    await supervised.next("ready");
    expect(readdirSync(supervised.state).toSorted()).toEqual(["kioku_00ff", "mesh"]);
  });
});

routerTest("a trial shows that a router works, and tells its version", async () => {
  const root = temporaryDirectory();
  expect(await tryRouter(root, await realRouter(), probe)).toBe("1.10.2");
  expect(readdirSync(root)).toEqual([]);
});
