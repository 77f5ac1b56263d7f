import { expect } from "bun:test";
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readMembership } from "../../src/mesh/membership.ts";
import { readRunning } from "../../src/router/running.ts";
import { sealRecord } from "../../src/seal/record-seal.ts";
import { openStore } from "../../src/store/store.ts";
import { testWith } from "../needs.ts";
import {
  converged,
  createNetwork,
  eventually,
  invite,
  joinAsSpoke,
  linked,
  meshOf,
  must,
  save,
  viewOf,
  type Host,
} from "./hosts.ts";

const meshTest = testWith("network namespaces", "faketime", "a router");
const minute = 60_000;

/** What the mesh should hold, whatever happens to it. */
function createLedger(everyone: readonly Host[]) {
  const living = new Set<string>();
  return {
    async keep(host: Host, content: string): Promise<string> {
      const id = await save(host, content);
      living.add(id);
      return id;
    },
    async drop(host: Host, id: string): Promise<void> {
      living.delete(id);
      await must(host.kioku(["delete", id]));
    },
    forget: (id: string) => living.delete(id),
    /** Every host ends with exactly the same set: nothing lost, nothing back from the dead. */
    async settle(hosts = everyone): Promise<void> {
      await converged(hosts, 90_000);
      const answers = await Promise.all(hosts.map((host) => must(host.kioku(["search", "-n", "1000", "--json"]))));
      for (const [i, { out }] of answers.entries()) {
        const ids = (JSON.parse(out).observations as { observation_id: string }[]).map((one) => one.observation_id);
        expect([hosts[i]!.name, ids.toSorted()]).toEqual([hosts[i]!.name, [...living].toSorted()]);
      }
    },
  };
}

/** A memory as it travels and is stored, in a host's mesh. */
async function sealedBytes(host: Host, id: string): Promise<Uint8Array> {
  const membership = readMembership(join(host.state, "mesh"));
  const store = openStore(join(host.state, "memory.db"), () => "");
  const record = store.record("observation", id);
  store.close();
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

meshTest(
  "hub and four spokes, one behind another: cuts, crashes, a wrong clock, a clone, an old backup and a lost disk",
  async () => {
    await using network = createNetwork(["hub", "a", "b", "c", "d", "twin"], { d: "+1h" });
    const [hub, a, b, c, d, twin] = network.hosts as [Host, Host, Host, Host, Host, Host];
    const first = [hub, a, b];
    let present = [hub, a, b, c];
    const { keep, drop, forget, settle } = createLedger(present);
    const [hubProcess, aProcess] = await meshOf(first.slice(0, 2));
    let [hubRun, aRun] = [hubProcess!, aProcess!];

    await joinAsSpoke(b, await invite(hub), "--listen", b.address);
    await b.start();
    await joinAsSpoke(c, await invite(hub, "--address", `${b.address}:7447`)); // c knows b alone
    let cRun = await c.start();
    await Promise.all([b, c].map(linked));
    const shared = await Promise.all(present.map((host) => keep(host, `of ${host.name}, before everything`)));
    const secret = await keep(c, "the secret that has to go");
    await settle(present);
    const sealedSecret = await sealedBytes(c, secret);
    expect(present.map((host) => isOnDisk(host, sealedSecret))).toEqual([true, true, true, true]);
    const backup = join(a.home, "backup");
    await aRun.stop();
    cpSync(a.state, backup, { recursive: true });
    aRun = await a.start();
    await linked(a);

    // A spoke is cut off, and both sides save and delete, one record on both.
    network.plug(a, false);
    for (let i = 0; i < 3; i++) await Promise.all([keep(a, `a, alone ${i}`), keep(c, `c, without a ${i}`)]);
    await drop(a, shared[0]!);
    await drop(hub, shared[1]!);
    await Promise.all([drop(a, shared[2]!), must(b.kioku(["delete", shared[2]!]))]);
    network.plug(a, true);
    await settle(present);

    // The hub dies, the spokes go on.
    await hubRun.stop("SIGKILL");
    await Promise.all([keep(a, "a, without hub"), keep(b, "b, without hub"), keep(c, "c, without hub")]);
    hubRun = await hub.start();
    await settle(present);

    // The router dies in the middle of saves.
    const saves = Array.from({ length: 8 }, (_, i) => keep(b, `b, while its router dies ${i}`));
    await Promise.race(saves);
    killRouter(b);
    await Promise.all(saves);
    await settle(present);

    // A peer joins late; its clock is an hour ahead.
    await joinAsSpoke(d, await invite(hub));
    await d.start();
    await linked(d);
    present = [...present, d];
    await settle(present);
    const ahead = await keep(d, "written an hour from now");
    await drop(d, shared[3]!);
    const behind = await keep(hub, "written now");
    await settle(present);
    await Promise.all([drop(hub, ahead), drop(d, behind)]);
    await settle(present);
    const offsets = (await viewOf(d)).peers.flatMap((peer) => peer.clock_offset_ms ?? []);
    expect(new Set(offsets.map((offset) => Math.round(offset / 3_600_000)))).toEqual(new Set([-1]));

    // A host comes back with an old backup of its disk, which does not know what was deleted since.
    await aRun.stop("SIGKILL");
    rmSync(a.state, { recursive: true });
    cpSync(backup, a.state, { recursive: true });
    await a.start();
    await settle(present);

    // A host loses its disk, and joins again.
    await cRun.stop();
    rmSync(c.state, { recursive: true });
    await joinAsSpoke(c, await invite(b), "--force");
    cRun = await c.start();
    await linked(c);
    await settle(present);

    // A disk is cloned: both machines call themselves c, and that is reported, and harmless.
    await cRun.stop();
    for (const folder of ["state", ".config"])
      cpSync(join(c.home, folder), join(twin.home, folder), { recursive: true });
    await Promise.all([c.start(), twin.start()]);
    await Promise.all([c, twin].map(linked));
    await Promise.all([keep(c, "by the one"), keep(twin, "by the other")]);
    present = [...present, twin];
    await settle(present);
    const { pc_id } = JSON.parse((await must(c.kioku(["status", "--json"]))).out) as { pc_id: string };
    await eventually("the clone is reported", async () => (await viewOf(hub)).duplicate_hosts.includes(pc_id), minute);

    // What must go goes, from every database and every storage, and to the last byte.
    forget(secret);
    await must(d.kioku(["gc", "--force-id", secret]));
    await settle(present);
    for (const host of present) {
      const isGone = () => !isOnDisk(host, sealedSecret) && !isOnDisk(host, Buffer.from("the secret that has to go"));
      await eventually(`${host.name} has no byte of it`, isGone, 2 * minute);
    }
    rmSync(backup, { recursive: true });
    await Promise.all(present.map(linked));
    await settle(present);
  },
  5 * minute,
);
