import { afterAll, beforeAll, expect } from "bun:test";
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readMembership } from "../../src/mesh/membership.ts";
import { readRunning } from "../../src/router/running.ts";
import { sealRecord } from "../../src/seal/record-seal.ts";
import { openStore } from "../../src/store/store.ts";
import { has, testWith } from "../needs.ts";
import { connectAgent } from "./agent.ts";
import {
  converged,
  createNetwork,
  eventually,
  faketime,
  invite,
  joinAsSpoke,
  linked,
  meshOf,
  must,
  save,
  viewOf,
  type Host,
  type Running,
} from "./hosts.ts";
import { intrude } from "./intrude.ts";

const needs = ["network namespaces", "faketime", "a router"] as const;
const meshTest = testWith(...needs);
const minute = 60_000;
/** Writes on each side of a long partition: as many as in the field test of the Python original. */
const manyWrites = 1_192;

function storeOf(host: Host) {
  const store = openStore(join(host.state, "memory.db"), () => "");
  return { ...store, [Symbol.dispose]: store.close };
}

/** What must be found, on every host alike, whatever happens. */
const living = new Set<string>();

async function keep(host: Host, content: string): Promise<string> {
  const id = await save(host, content);
  living.add(id);
  return id;
}

/** An agent's session that saves one after the other. */
async function keepMany(host: Host, count: number): Promise<void> {
  await using agent = await connectAgent(host);
  for (let i = 0; i < count; i++) {
    const answer = await agent.call("save_observation", { content: `number ${i} of an agent on ${host.name}` });
    living.add(/[0-9a-f]{32}/.exec(answer)![0]);
  }
}

async function drop(host: Host, id: string): Promise<void> {
  living.delete(id);
  await must(host.kioku(["delete", id]));
}

/** Every host ends with exactly the same set: nothing lost, nothing back from the dead. */
async function settle(): Promise<void> {
  await converged(present, 90_000);
  for (const host of present) {
    using store = storeOf(host);
    const shown = store.list({}, "", 1e6).map(({ observation }) => observation.observation_id);
    expect([host.name, shown.toSorted()]).toEqual([host.name, [...living].toSorted()]);
  }
}

/** A memory as it travels and is stored, in a host's mesh. */
async function sealedBytes(host: Host, id: string): Promise<Uint8Array> {
  const membership = readMembership(join(host.state, "mesh"));
  using store = storeOf(host);
  const record = store.record("observation", id);
  if (membership?.kind !== "sealed" || !record) throw new Error("no such memory in a sealed mesh");
  return sealRecord(membership.keys, record).bytes;
}

/** Whether bytes are in any file of a host's state. */
function isOnDisk(host: Host, bytes: Uint8Array): boolean {
  const files = readdirSync(host.state, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.some(({ parentPath, name }) => contentOf(join(parentPath, name)).includes(bytes));
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0); // it went meanwhile
  }
}

/** Kills the router of a host, as a crash would. */
function killRouter(host: Host): void {
  process.kill(readRunning(join(host.state, "mesh"))!.pid, "SIGKILL");
}

let network: ReturnType<typeof createNetwork>;
let hub: Host, a: Host, b: Host, c: Host, d: Host, twin: Host;
/** The hosts that are part of the mesh by now: b dials the hub, and c knows b alone. */
let present: Host[];
let runs: { hub: Running; a: Running; c: Running };
let shared: string[];
/** Of the disk of a, before any mishap. */
let backup: string;
const secretWords = "the secret that has to go";
let sealedSecret: Uint8Array;

if (needs.every(has)) {
  beforeAll(async () => {
    network = createNetwork(["hub", "a", "b", "c", "d", "twin"], { d: faketime("+1h") });
    [hub, a, b, c, d, twin] = network.hosts as [Host, Host, Host, Host, Host, Host];
    const [hubRun, aRun] = await meshOf([hub, a]);
    await joinAsSpoke(b, await invite(hub), "--listen", b.address);
    await b.start();
    await joinAsSpoke(c, await invite(hub, "--address", `${b.address}:7447`));
    runs = { hub: hubRun!, a: aRun!, c: await c.start() };
    await Promise.all([b, c].map(linked));
    present = [hub, a, b, c];
  }, minute);
  afterAll(() => network[Symbol.asyncDispose]());
}

meshTest(
  "hub and spokes, one behind another, hold the same in databases and storages, until one of them erases it",
  async () => {
    shared = await Promise.all(present.map((host) => keep(host, `of ${host.name}, before everything`)));
    const secret = await keep(c, secretWords);
    await settle();
    sealedSecret = await sealedBytes(c, secret);
    expect(present.map((host) => isOnDisk(host, sealedSecret))).toEqual([true, true, true, true]);
    backup = join(a.home, "backup");
    await runs.a.stop();
    cpSync(a.state, backup, { recursive: true });
    runs.a = await a.start();
    living.delete(secret);
    await must(b.kioku(["gc", "--force-id", secret]));
    await linked(a);
    await settle();
  },
  2 * minute,
);

meshTest(
  "storages that somebody emptied through the WebSocket are filled again",
  async () => {
    await intrude(network, hub, { remove: ["kioku/**"] }); // which every router hears
    await eventually("somebody notices", () => present.some((host) => host.log().includes("filling it again")));
    for (const host of [hub, c]) {
      await eventually(
        `the storage of ${host.name} is whole again`,
        async () => Object.keys(await intrude(network, host, { dump: "kioku/**" })).length === viewOf(host).records,
        minute,
      );
    }
    await settle();
  },
  2 * minute,
);

meshTest(
  "a spoke is cut off for long while both sides save much and delete, one record on both",
  async () => {
    network.plug(a, false);
    await Promise.all([keepMany(a, manyWrites), keepMany(hub, manyWrites)]);
    await drop(a, shared[0]!);
    await drop(hub, shared[1]!);
    await Promise.all([drop(a, shared[2]!), must(b.kioku(["delete", shared[2]!]))]);
    const sees = ({ name, online }: { name: string; online: boolean }) => name === a.hostName && online;
    await eventually("a is given up for dead", () => !viewOf(hub).peers.some(sees));
    network.plug(a, true);
    const healed = performance.now();
    await settle();
    const seconds = ((performance.now() - healed) / 1_000).toFixed(1);
    console.log(`${manyWrites} writes on both sides of a partition: all hosts level ${seconds} s after its end`);
  },
  2 * minute,
);

meshTest(
  "the hub is killed, and the spokes go on",
  async () => {
    await runs.hub.stop("SIGKILL");
    await Promise.all([a, b, c].map((host) => keep(host, `of ${host.name}, without a hub`)));
    runs.hub = await hub.start();
    await settle();
  },
  2 * minute,
);

meshTest(
  "a router is killed in the middle of saves",
  async () => {
    const saves = Array.from({ length: 8 }, (_, i) => keep(b, `b, while its router dies ${i}`));
    await Promise.race(saves);
    killRouter(b);
    await Promise.all(saves);
    await settle();
  },
  2 * minute,
);

meshTest(
  "a peer joins late, with a clock that is an hour ahead",
  async () => {
    await joinAsSpoke(d, await invite(hub));
    await d.start();
    await linked(d);
    present.push(d);
    await settle();
    const ahead = await keep(d, "written an hour from now");
    await drop(d, shared[3]!);
    const behind = await keep(hub, "written now");
    await settle();
    await Promise.all([drop(hub, ahead), drop(d, behind)]);
    await settle();
    const offsets = viewOf(d).peers.flatMap((peer) => peer.clock_offset_ms ?? []);
    expect(new Set(offsets.map((offset) => Math.round(offset / 3_600_000)))).toEqual(new Set([-1]));
  },
  2 * minute,
);

meshTest(
  "a host comes back with an old backup of its disk, another has lost its disk and joins again",
  async () => {
    await Promise.all([runs.a.stop("SIGKILL"), runs.c.stop()]);
    rmSync(a.state, { recursive: true });
    cpSync(backup, a.state, { recursive: true });
    rmSync(c.state, { recursive: true });
    await joinAsSpoke(c, await invite(b), "--force");
    await a.start();
    runs.c = await c.start();
    await Promise.all([a, c].map(linked));
    await settle();
  },
  2 * minute,
);

meshTest(
  "a disk is cloned, which is harmless, and reported after a while",
  async () => {
    await runs.c.stop();
    for (const folder of ["state", ".config"])
      cpSync(join(c.home, folder), join(twin.home, folder), { recursive: true });
    await Promise.all([c.start(), twin.start()]);
    await Promise.all([c, twin].map(linked));
    await Promise.all([keep(c, "by the one"), keep(twin, "by the other")]);
    present.push(twin);
    await settle();
    const { pc_id } = JSON.parse((await must(c.kioku(["status", "--json"]))).out) as { pc_id: string };
    await eventually("the clone is reported", () => viewOf(hub).duplicate_hosts.includes(pc_id), 2 * minute);
  },
  4 * minute,
);

meshTest(
  "what was erased has left every file of every host, also where an old backup and a clone had it",
  async () => {
    for (const host of present) {
      const isGone = () => !isOnDisk(host, sealedSecret) && !isOnDisk(host, Buffer.from(secretWords));
      await eventually(`${host.name} has no byte of it`, isGone, 2 * minute);
    }
    await Promise.all(present.map(linked));
    await settle();
  },
  4 * minute,
);
