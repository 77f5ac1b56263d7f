import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMeshState, type MeshState } from "../../src/ops/mesh-state.ts";
import { openStore } from "../../src/store/store.ts";
import { startCapture } from "./capture.ts";

/** The compiled program, which `npm test` builds first. */
export const binary = process.env.KIOKU_BIN ?? join(import.meta.dir, "../../dist/kioku-mesh");

export interface Answer {
  out: string;
  err: string;
  status: number;
}

export interface Host {
  name: string;
  /** What the machine calls itself. */
  hostName: string;
  /** Its address on the network of the test. */
  address: string;
  home: string;
  state: string;
  /** The environment of its commands, from now on. */
  env: { [name: string]: string };
  /** Runs one command to its end. */
  kioku(argv: string[], stdin?: string): Promise<Answer>;
  /** Starts `mesh run` (or another command that goes on) and gives the process. */
  start(argv?: string[], stdin?: string): Promise<Running>;
  /** What its long-running processes have said. */
  log(): string;
}

export interface Running {
  pid: number;
  /** Its status, once it has ended. */
  exited: Promise<number>;
  /** Ends it as an administrator does, or with `SIGKILL` as a crash does. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

interface HostOptions {
  name: string;
  hostName: string;
  address: string;
  folder: string;
  /** The command that leads to the machine; none for this one. */
  machine: readonly string[];
  /** Where processes are kept as long as they run. */
  running: Set<Running>;
}

interface SpawnOptions {
  env?: { [name: string]: string };
  cwd?: string;
  stdin?: Uint8Array;
  /** Milliseconds after which it is killed. */
  timeout?: number;
}

/** Calls until it gives a truthy value, or fails with the reason after `deadline` milliseconds. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  deadline = 30_000,
): Promise<T> {
  for (const end = performance.now() + deadline; ;) {
    const value = await look();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${deadline} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A host whose programs are started by `machine`; its home and its log lie in `folder`. */
export function createHost({ name, hostName, address, folder, machine, running }: HostOptions): Host {
  const home = join(folder, name);
  mkdirSync(home, { mode: 0o700 });
  const state = join(home, "state");
  const env: Host["env"] = {
    HOME: home,
    PATH: process.env.PATH ?? "",
    KIOKU_MESH_STATE_DIR: state,
    KIOKU_MESH_CLIENT_ID: name,
  };
  const logPath = join(folder, `${name}.log`);
  return {
    name,
    hostName,
    address,
    home,
    state,
    env,
    async kioku(argv, stdin = "") {
      const command = [...machine, binary, ...argv];
      const child = Bun.spawn(command, { env, cwd: home, stdin: Buffer.from(stdin), stderr: "pipe" });
      const [out, err] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
      return { out: out!, err: err!, status: await child.exited };
    },
    async start(argv = ["mesh", "run"], stdin = "") {
      const log = openSync(logPath, "a");
      const stdio: [Buffer, number, number] = [Buffer.from(stdin), log, log];
      const child = Bun.spawn([...machine, binary, ...argv], { env, cwd: home, stdio });
      closeSync(log);
      const process: Running = {
        pid: child.pid,
        exited: child.exited,
        async stop(signal = "SIGTERM") {
          child.kill(signal);
          await child.exited;
          running.delete(process);
        },
      };
      running.add(process);
      return process;
    },
    log: () => readFileSync(logPath, "utf8"),
  };
}

/** What gives the processes of a host another time: a library, and the file in /etc that tells it which. */
export interface Clock {
  library: string;
  file: string;
  content: string | Uint8Array;
}

let networks = 0;

/**
 * Hosts in network namespaces of their own, on one switch. Needs root and `ip`. `clocks` has the clocks of
 * hosts where these are not the machine's.
 */
export function createNetwork(names: readonly string[], clocks: { [name: string]: Clock } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "kioku-net-"));
  const prefix = `k${process.pid % 100_000}x${networks++}`;
  const subnet = `10.${(process.pid % 200) + 20}.${networks}`;
  const running = new Set<Running>();
  const space = (name: string) => `${prefix}${name}`;
  const link = (name: string) => `${prefix}v${name}`.slice(0, 15);

  ip("netns", "add", space("sw"));
  ipIn(space("sw"), "link", "add", "br0", "type", "bridge");
  ipIn(space("sw"), "link", "set", "br0", "up");

  function addHost(name: string, number: number): Host {
    const address = `${subnet}.${number}`;
    ip("netns", "add", space(name));
    ip("link", "add", "eth0", "netns", space(name), "type", "veth", "peer", "name", link(name), "netns", space("sw"));
    ipIn(space("sw"), "link", "set", link(name), "master", "br0", "up");
    ipIn(space(name), "link", "set", "lo", "up");
    ipIn(space(name), "addr", "add", `${address}/24`, "dev", "eth0");
    ipIn(space(name), "link", "set", "eth0", "up");
    const hostName = `${name}-laptop`;
    const machine = ["ip", "netns", "exec", space(name), "unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"'];
    const clock = clocks[name] ? withClock(clocks[name], join(folder, `${name}.etc`)) : [];
    return createHost({ name, hostName, address, folder, machine: [...machine, hostName, ...clock], running });
  }

  const hosts = names.map((name, i) => addHost(name, i + 1));

  return {
    folder,
    hosts,
    /** Pulls a host's plug, or puts it back. */
    plug(host: Host, connected: boolean): void {
      ipIn(space("sw"), "link", "set", link(host.name), connected ? "up" : "down");
    },
    /** Runs a program in the namespace of a host. */
    spawnAt: (host: Host, argv: string[], options: SpawnOptions = {}) =>
      Bun.spawn(["ip", "netns", "exec", space(host.name), ...argv], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        ...options,
      }),
    /** Bytes that have passed on a host's cable, both ways. */
    traffic(host: Host): number {
      const answer = Bun.spawnSync(["ip", "-n", space("sw"), "-s", "-j", "link", "show", link(host.name)]);
      const [{ stats64 }] = JSON.parse(String(answer.stdout)) as [{ stats64: { [way: string]: { bytes: number } } }];
      return stats64.rx!.bytes + stats64.tx!.bytes;
    },
    /** A command as it runs on a host. */
    commandAt: (host: Host, argv: string[]) => ["ip", "netns", "exec", space(host.name), ...argv],
    /** Records every frame that passes on a host's cable, from now on. */
    capture: (host: Host) => startCapture(["ip", "netns", "exec", space("sw")], link(host.name)),
    async [Symbol.asyncDispose]() {
      for (const process of running) await process.stop("SIGKILL");
      for (const name of [...names, "sw"]) ip("netns", "del", space(name));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A clock by faketime that is off by an offset as faketime writes them (`+1h`). */
export function faketime(offset: string): Clock {
  const library = new Bun.Glob("usr/lib/*/faketime/libfaketimeMT.so.1").scanSync({ cwd: "/", absolute: true }).next();
  return { library: String(library.value), file: "faketimerc", content: offset };
}

/** A command under which every process, with whatever environment, sees another time; `etc` then lies over /etc. */
function withClock({ library, file, content }: Clock, etc: string): string[] {
  mkdirSync(etc);
  writeFileSync(join(etc, "ld.so.preload"), library);
  writeFileSync(join(etc, file), content);
  const script = 'mount -t overlay overlay -o "lowerdir=$0:/etc" /etc && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, etc];
}

function ip(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...words]);
  if (exitCode !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr.toString()}`);
}

function ipIn(space: string, ...words: string[]): void {
  ip("-n", space, ...words);
}

/** Saves a memory and gives its id. */
export async function save(host: Host, content: string, ...more: string[]): Promise<string> {
  const { out, err, status } = await host.kioku(["save", content, ...more]);
  if (status !== 0) throw new Error(err);
  return out.trim().slice("saved: ".length);
}

/** Whether a search finds exactly this text. */
export async function finds(host: Host, content: string): Promise<boolean> {
  return (await host.kioku(["search", content])).out.includes(content);
}

/** What a host's commands say of its mesh, read as they read it: a process for each look would take all of the machine. */
export function viewOf(host: Host): MeshState {
  const store = openStore(join(host.state, "memory.db"), () => "");
  try {
    return readMeshState(store, host.state);
  } finally {
    store.close();
  }
}

/** Waits until all hosts hold the same set, with nothing pending; gives its size. */
export async function converged(hosts: readonly Host[], deadline = 60_000): Promise<number> {
  let seen: MeshState[] = [];
  try {
    return await eventually(
      "equal fingerprints",
      () => {
        seen = hosts.map(viewOf);
        const same = seen.every(({ fingerprint, pending }) => fingerprint === seen[0]!.fingerprint && pending === 0);
        return same ? seen[0]!.records || 0.5 : undefined;
      },
      deadline,
    );
  } catch {
    const text = seen.map((view, i) => `${hosts[i]!.name}: ${JSON.stringify(view)}\n${hosts[i]!.log()}`).join("\n");
    throw new Error(`the hosts do not agree:\n${text}`);
  }
}

/** The join code that a host gives out. */
export async function invite(host: Host, ...more: string[]): Promise<string> {
  return (await must(host.kioku(["mesh", "invite", ...more]))).out.trimEnd().split("\n").at(-1)!;
}

/** Makes a host a spoke of the one that gave out the code. */
export async function joinAsSpoke(host: Host, code: string, ...more: string[]): Promise<void> {
  await must(host.kioku(["init", "--mode", "spoke", "--join", "-", ...more], `${code}\n`));
}

/** Makes the first host the hub and joins all others to it; starts `mesh run` on each. */
export async function meshOf(hosts: readonly Host[]): Promise<Running[]> {
  const [hub, ...spokes] = hosts as [Host, ...Host[]];
  await must(hub.kioku(["init", "--mode", "hub", "--listen", hub.address]));
  const code = await invite(hub);
  for (const spoke of spokes) await joinAsSpoke(spoke, code);
  const processes = [];
  for (const host of hosts) processes.push(await host.start());
  await Promise.all(hosts.map(linked));
  return processes;
}

/** Waits until a host is in the mesh. */
export async function linked(host: Host): Promise<void> {
  try {
    await eventually(`${host.name} is linked`, () => viewOf(host).linked, 60_000);
  } catch (cause) {
    throw new Error(`${host.name} is not linked: ${host.log()}`, { cause });
  }
}

/** The answer, where the command succeeded. */
export async function must(answer: Promise<Answer>): Promise<Answer> {
  const { out, err, status } = await answer;
  if (status !== 0) throw new Error(`status ${status}: ${err}`);
  return { out, err, status };
}
