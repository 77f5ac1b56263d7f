/**
 * Figures of a sealed mesh of two hosts in network namespaces, on this machine: `bun run bench:mesh [RECORDS]`, as root,
 * after a build with a router. Takes some minutes with 100,000 records.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { payloadJson } from "../../src/core/json.ts";
import { digestOf, type Record } from "../../src/core/record.ts";
import { timestamp } from "../../src/core/time.ts";
import { readMembership } from "../../src/mesh/membership.ts";
import { readRunning } from "../../src/router/running.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import {
  binary,
  converged,
  createNetwork,
  eventually,
  invite,
  joinAsSpoke,
  linked,
  must,
  type Host,
  type Running,
} from "../mesh/hosts.ts";
import { median, memoryOf, quantile } from "./measure.ts";
import { memories } from "./memories.ts";

const size = Number(process.argv[2] ?? 100_000);
const print = (name: string, text: string) => process.stdout.write(`${name.padEnd(44)}${text}\n`);
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;

await using network = createNetwork(["a", "b"]);
const [a, b] = network.hosts as [Host, Host];

/** Memories that no host has yet, as records. */
let seed = 0;
function fresh(count: number): Record[] {
  return [...memories(count, ++seed)].map((observation) => {
    const payload = payloadJson({ ...observation });
    const { observation_id: id, created_at: at } = observation;
    return { kind: "observation", id, digest: digestOf(payload), at, payload };
  });
}

function inStore<T>(host: Host, work: (store: Store) => T): T {
  const store = openStore(join(host.state, "memory.db"), () => timestamp(Date.now()));
  try {
    return work(store);
  } finally {
    store.close();
  }
}

function inBatches(records: readonly Record[], take: (batch: Record[]) => unknown): void {
  for (let from = 0; from < records.length; from += 1_000) take(records.slice(from, from + 1_000));
}

const countOf = (store: Store) => store.fingerprint().count;
const routerOf = (host: Host) => readRunning(join(host.state, "mesh"));

/** Starts a host, and says how long it took from there, and from when its router was ready, to hold everything. */
async function catchUp(host: Host, target: number): Promise<{ process: Running; all: number; ready: number }> {
  const start = performance.now();
  const process = await host.start();
  await eventually("the router is ready", () => routerOf(host) !== undefined);
  const ready = performance.now();
  const store = openStore(join(host.state, "memory.db"), () => timestamp(Date.now()));
  await eventually("everything is here", () => countOf(store) === target, 600_000);
  const end = performance.now();
  store.close();
  return { process, all: end - start, ready: end - ready };
}

/** Processor seconds that a process has used. */
function processorOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function live(turns: number): Promise<void> {
  const [command, ...args] = network.commandAt(a, [binary, "mcp", "serve"]) as [string, ...string[]];
  const env = { HOME: a.home, KIOKU_MESH_STATE_DIR: a.state, PATH: process.env.PATH ?? "" };
  const client = new Client({ name: "bench", version: "1" });
  await client.connect(new StdioClientTransport({ command, args, env }));
  const store = openStore(join(b.state, "memory.db"), () => timestamp(Date.now()));
  const times: number[] = [];
  for (let i = 0; i < turns + 5; i++) {
    const answer = await client.callTool({ name: "save_observation", arguments: { content: `live memory ${i}` } });
    const start = performance.now();
    const id = /[0-9a-f]{32}/.exec(JSON.stringify(answer))![0];
    while (!store.record("observation", id)) await Bun.sleep(0.5);
    if (i >= 5) times.push(performance.now() - start);
    await Bun.sleep(100 + 50 * Math.random());
  }
  store.close();
  await client.close();
  const text = [`p50 ${median(times).toFixed(1)} ms`, `p95 ${quantile(times, 0.95).toFixed(1)} ms`];
  print(`MCP save on A to row on B, ${turns} saves`, text.join(", "));
}

await must(a.kioku(["init", "--mode", "hub", "--listen", a.address]));
await joinAsSpoke(b, await invite(a));
const meshId = readMembership(join(a.state, "mesh"))!.meshId;
const base = fresh(size);
for (const host of [a, b]) {
  inStore(host, (store) => {
    store.setState("mesh.id", meshId); // what both have had from the mesh
    inBatches(base, store.merge);
  });
}
await a.start();
let { process: bRun } = await catchUp(b, size);
await Promise.all([a, b].map(linked));
await converged([a, b], 300_000);
// The storages are filled from the databases first: it must not be measured along with anything else.
let moved = Infinity;
while (moved > 50_000) {
  const traffic = network.traffic(b);
  await Bun.sleep(10_000);
  moved = network.traffic(b) - traffic;
}

const idle = { a: 0, router: 0 };
const pids = [bRun.pid, routerOf(b)!.pid] as const;
[idle.a, idle.router] = pids.map(processorOf) as [number, number];
const idleBytes = network.traffic(b);
await Bun.sleep(30_000);
for (const [i, name] of ["replicator", "router"].entries()) {
  const used = processorOf(pids[i]!) - [idle.a, idle.router][i]!;
  const { rss, pss } = await memoryOf(pids[i]!);
  const share = ((100 * used) / 30).toFixed(2);
  print(`${name}, idle, ${size} records`, `${share} % CPU, ${rss.toFixed(0)} MB RSS (${pss.toFixed(0)} MB PSS)`);
}
print("idle link, 30 s", kilobytes(network.traffic(b) - idleBytes));
await live(150);

let total = inStore(a, countOf);
for (const count of [1, 100, 1_000, 10_000]) {
  await bRun.stop();
  const records = fresh(count);
  inStore(a, (store) => inBatches(records, store.append));
  await Bun.sleep(2_000 + count);
  const traffic = network.traffic(b);
  total += count;
  const { process, all, ready } = await catchUp(b, total);
  bRun = process;
  const bytes = records.reduce((sum, { payload }) => sum + payload!.length, 0);
  const times = `${(ready / 1000).toFixed(1)} s after the router was ready, ${(all / 1000).toFixed(1)} s after start`;
  const wire = `${kilobytes(network.traffic(b) - traffic)} on the wire for ${kilobytes(bytes)}`;
  print(`catch-up of ${count} missing of ${total}`, `${times}; ${wire}`);
  await converged([a, b], 300_000);
}

await bRun.stop();
rmSync(b.state, { recursive: true });
rmSync(join(b.home, ".config"), { recursive: true });
await joinAsSpoke(b, await invite(a));
inStore(b, countOf);
const traffic = network.traffic(b);
const joined = await catchUp(b, total);
print(
  `first join to ${total}`,
  `${(joined.ready / 1000).toFixed(1)} s after the router was ready; ${kilobytes(network.traffic(b) - traffic)} on the wire`,
);
const { rss } = await memoryOf(joined.process.pid);
print("replicator after it", `${rss.toFixed(0)} MB RSS`);
