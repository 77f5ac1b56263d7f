import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeLoopbackPort } from "../../src/router/ports.ts";
import {
  binary,
  converged,
  createHost,
  eventually,
  finds,
  invite,
  joinAsSpoke,
  linked,
  must,
  save,
  type Host,
  type Running,
} from "./hosts.ts";

/**
 * `bun run smoke:mesh`: a hub and four spokes on ports of 127.0.0.1, with the built program and without root. Says what
 * it does; ends with status 1 where something is wrong.
 */
const folder = mkdtempSync(join(tmpdir(), "kioku-smoke-"));
const running = new Set<Running>();

/** A host of this machine, with a directory and a port of its own. */
async function addHost(name: string): Promise<Host> {
  const address = `127.0.0.1:${await freeLoopbackPort()}`;
  return createHost({ name, hostName: name, address, folder, machine: [], running });
}

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await work();
  console.log(`ok  ${what} (${((performance.now() - begin) / 1_000).toFixed(1)} s)`);
  return result;
}

async function everyoneFinds(hosts: readonly Host[], content: string, there = true): Promise<void> {
  for (const host of hosts) {
    const what = `${host.name} ${there ? "finds" : "no longer finds"} "${content}"`;
    await eventually(what, async () => (await finds(host, content)) === there);
  }
}

async function smoke(): Promise<void> {
  const hosts = await Promise.all(["hub", "one", "two", "three", "four"].map(addHost));
  const [hub, ...spokes] = hosts as [Host, Host, Host, Host, Host];
  let hubRun = await step("a hub and four spokes are linked", async () => {
    await must(hub.kioku(["init", "--mode", "hub", "--listen", hub.address]));
    const code = await invite(hub);
    for (const spoke of spokes) await joinAsSpoke(spoke, code, "--listen", spoke.address);
    const [first] = await Promise.all(hosts.map((host) => host.start()));
    await Promise.all(hosts.map(linked));
    return first!;
  });
  const ids = await step("what each saves everyone finds", async () => {
    const saved = await Promise.all(hosts.map((host) => save(host, `marmalade of ${host.name}`)));
    for (const { name } of hosts) await everyoneFinds(hosts, `marmalade of ${name}`);
    return saved;
  });
  await step("what one deletes nobody finds any more", async () => {
    await must(spokes[3].kioku(["delete", ids[1]!]));
    await everyoneFinds(hosts, "marmalade of one", false);
  });
  await step("the hub is killed, spokes save, the hub comes back, and all hold the same", async () => {
    await hubRun.stop("SIGKILL");
    await Promise.all(spokes.map((spoke) => save(spoke, `quince of ${spoke.name}, without a hub`)));
    hubRun = await hub.start();
    await linked(hub);
    for (const { name } of spokes) await everyoneFinds(hosts, `quince of ${name}, without a hub`);
    console.log(`    ${await converged(hosts)} records on each, equal fingerprints, nothing pending`);
  });
}

try {
  if (!existsSync(binary)) throw new Error(`there is no ${binary}: bun run router, then bun run build`);
  await smoke();
  console.log("the mesh works");
} catch (error) {
  console.error(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  for (const process of running) await process.stop("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
