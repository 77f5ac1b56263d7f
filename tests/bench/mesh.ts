/**
 * Figures of a sealed mesh of two hosts in network namespaces, on this machine, as a table to paste: as root, after a
 * build with a router, `bun run bench:mesh [RECORDS]`. With 100,000 records it takes some eight minutes; the Python
 * original is measured too where KIOKU_ORIGINAL names its virtual environment.
 */
import { rmSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { invite, joinAsSpoke, type Host } from "../mesh/hosts.ts";
import { commitTime, roundTripTime } from "./floors.ts";
import { median, memoryOf, quantile } from "./measure.ts";
import { createMeshBench, processorOf } from "./mesh-bench.ts";
import { originalMeshFigures } from "./mesh-original.ts";

/** Name, what was measured, and its target. */
type Row = [string, string, string?];

const size = Number(process.argv[2] ?? 100_000);
const began = performance.now();
const rows: Row[] = [];
const progress = (text: string) =>
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);

const ms = (value: number) => `${value.toFixed(1)} ms`;
const seconds = (value: number) => `${(value / 1000).toFixed(1)} s`;
const amount = (bytes: number) => (bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const times = (bytes: number, payload: number) => `${(bytes / payload).toFixed(1)} ×`;
const number = (value: number) => value.toLocaleString("en");
const memoryText = ({ rss, own }: { rss: number; own: number }) =>
  `${rss.toFixed(0)} MB resident, ${own.toFixed(0)} MB without the pages of files`;
const both = (values: readonly number[]) => `p50 ${ms(median(values))}, p95 ${ms(quantile(values, 0.95))}`;

await using bench = await createMeshBench();
const { network, a, b } = bench;
const load = loadavg().map((one) => one.toFixed(1));

rows.push(["floor: round trip on loopback (TCP)", both(await roundTripTime(300))]);
rows.push(["floor: one SQLite commit with fsync", both(commitTime(b.home, 200))]);

progress(`a database of ${number(size)} records`);
const { bytes: baseBytes } = await bench.fill(size);
progress("the hub puts them into its storage");
await a.start();
await bench.published(a);
bench.beenHere(b);
const beforeBase = network.traffic(b);
progress("the spoke, which has them too, starts with an empty storage");
let { process: bRun } = await bench.startUntil(b, size);
await bench.quiet();
const alignment = network.traffic(b) - beforeBase;

progress("nothing happens for 20 s");
const watched = { replicator: bRun.pid, router: bench.routerOf(b)!.pid };
const before = Object.values(watched).map(processorOf);
const idleBytes = network.traffic(b);
await Bun.sleep(20_000);
for (const [i, [name, pid]] of Object.entries(watched).entries()) {
  const memory = memoryText(await memoryOf(pid));
  const share = ((processorOf(pid) - before[i]!) / 20) * 100;
  const isOurs = name === "replicator";
  rows.push([`${name} at rest: memory`, memory, isOurs ? "< 80 MB" : ""]);
  rows.push([`${name} at rest: processor`, `${share.toFixed(2)} %`, isOurs ? "< 1 %" : ""]);
}
rows.push(["link at rest, in 20 s", amount(network.traffic(b) - idleBytes)]);
rows.push(["equal sets: question and answer", `${bench.equalSetsCost(a)} bytes`, "< 1 KB"]);

progress("saves");
const live = await bench.live(150);
rows.push(["save on A (MCP reply) to row readable on B", both(live.answered), "7 / 30 ms"]);
rows.push(["the same from the MCP request", both(live.asked)]);

let total = bench.countOf(a);
const targets: { [count: number]: string } = { 1_000: "2 s" };
const perCatchUp = new Map<number, { link: number; payload: number }>();
for (const [count, turns] of [
  [1, 3],
  [100, 3],
  [1_000, 3],
  [10_000, 1],
] as const) {
  progress(`${turns} catch-ups of ${number(count)}`);
  const taken: { ready: number; all: number }[] = [];
  let link = 0;
  let payload = 0;
  for (let turn = 0; turn < turns; turn++) {
    await bRun.stop();
    payload += await bench.appendOn(a, count);
    total += count;
    const traffic = network.traffic(b);
    const caught = await bench.startUntil(b, total);
    bRun = caught.process;
    taken.push(caught);
    if (turn === turns - 1) await bench.quiet();
    else await bench.settled();
    link += network.traffic(b) - traffic;
  }
  perCatchUp.set(count, { link: link / turns, payload: payload / turns });
  const [ready, all] = [median(taken.map((one) => one.ready)), median(taken.map((one) => one.all))];
  const name = `${number(count)} missing of ${number(size)}`;
  rows.push([name, `${seconds(ready)} from the router's start (${seconds(all)} from the process's)`, targets[count]]);
}

// Replication alone: a host that keeps no storage aligns none.
await bRun.stop();
for (const count of [0, 1, 100, 1_000, 10_000]) {
  progress(`${number(count)} missing, without a storage`);
  const payload = await bench.appendOn(a, count);
  total += count;
  const traffic = network.traffic(b);
  const { process } = await bench.startUntil(b, total, ["mesh", "join", `${a.address}:7447`]);
  await bench.settled();
  const ours = network.traffic(b) - traffic;
  await process.stop();
  const together = perCatchUp.get(count);
  if (!together) rows.push(["on the wire: linking, sets equal", amount(ours)]);
  else {
    const parts = `${amount(ours)} replication (${times(ours, payload)} the payload)`;
    const aligned = `${amount(Math.max(0, together.link - ours))} alignment by Zenoh`;
    rows.push([`on the wire: ${number(count)} missing (${amount(payload)})`, `${parts}, ${aligned}`]);
  }
}

progress("a first join");
rmSync(b.state, { recursive: true });
rmSync(join(b.home, ".config"), { recursive: true });
await joinAsSpoke(b, await invite(a));
const beforeJoin = network.traffic(b);
const joined = await bench.startUntil(b, total);
const atEnd = await memoryOf(joined.process.pid);
rows.push([`first join to ${number(total)}`, `${seconds(joined.ready)} from the router's start`, "30 s"]);
await bench.quiet();
const joinBytes = network.traffic(b) - beforeJoin;
const aligned = (alignment * total) / size; // as measured at the start, where there was nothing else to do
const payloads = (baseBytes * total) / size;
const shares = `${amount(joinBytes)} (${times(joinBytes, payloads)} the payload); Zenoh's alignment alone takes ${amount(aligned)}`;
rows.push([`on the wire: first join (${amount(payloads)})`, shares]);
const after = await memoryOf(joined.process.pid);
rows.push(["replicator after a first join: memory", `at its end ${memoryText(atEnd)}; later ${memoryText(after)}`]);

if (process.env.KIOKU_ORIGINAL) {
  progress("the original");
  const original = await originalMeshFigures(
    process.env.KIOKU_ORIGINAL,
    network,
    network.hosts.slice(2) as [Host, Host],
  );
  const some = `${number(original.records)} records`;
  rows.push(["the original: save (MCP request) to row readable", both(original.live)]);
  rows.push([`the original: first reading of ${some}`, seconds(original.rebuild)]);
  rows.push([`the original: memory of one MCP server, ${some}`, `${original.memory.toFixed(0)} MB`]);
}

const processor = `${cpus().length} × ${cpus()[0]!.model}`;
process.stdout.write(`${number(size)} records, ${processor}; load before ${load.join(" ")}, `);
process.stdout.write(`after ${loadavg()[0]!.toFixed(1)}; ${seconds(performance.now() - began)} in all\n\n`);
process.stdout.write(`| figure | measured | target |\n| --- | --- | --- |\n`);
for (const [name, measured, target = ""] of rows) process.stdout.write(`| ${name} | ${measured} | ${target} |\n`);
