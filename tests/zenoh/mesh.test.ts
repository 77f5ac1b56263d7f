import { afterAll, beforeAll } from "bun:test";
import { rmSync } from "node:fs";
import { createZenohMesh } from "../../src/zenoh/mesh.ts";
import { probeRouter } from "../../src/zenoh/probe.ts";
import { has, testWith } from "../needs.ts";
import { meshContract, type MeshHarness } from "../sync/mesh-contract.ts";
import { openGate, type Gate } from "./gate.ts";
import { startRouter, unpackRouter, type RunningRouter } from "./router.ts";

const storage = "kioku/contract";

/** Waits, in real time, until a condition holds. */
async function until(condition: () => boolean | Promise<boolean>, deadline = 20_000): Promise<boolean> {
  for (const end = performance.now() + deadline; performance.now() < end;) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

/** Two routers that are linked, for all tests of this file; each test has a key space of its own below their storage. */
let routers: RunningRouter[] = [];
let folder: string | undefined;
let spaces = 0;

async function startRouters(): Promise<void> {
  const unpacked = unpackRouter();
  folder = unpacked.folder;
  const hub = await startRouter(unpacked.files, { records: storage });
  routers = [hub, await startRouter(unpacked.files, { records: storage, connect: [hub.port] })];
  const ready = async ({ websocket }: RunningRouter) => {
    const view = await probeRouter(websocket, undefined, 1_000).catch(() => undefined); // not there yet
    return view !== undefined && view.storages.length === 1 && view.routers.length === 1;
  };
  for (const router of routers) if (!(await until(() => ready(router)))) throw new Error("the routers do not link");
}

async function createHarness(): Promise<MeshHarness> {
  const space = { records: `${storage}/${++spaces}/record`, control: `kioku/${spaces}` };
  const gates = new Map<unknown, Gate>();
  const spare = await Promise.all(Array.from({ length: 8 }, (_, i) => openGate(routers[i % 2]!.websocket)));
  return {
    connect() {
      const gate = spare[gates.size]!;
      const self = crypto.randomUUID().replaceAll("-", "");
      const patience = { open: 2_000, retry: 20, retryLimit: 100 };
      const endpoint = () => ({ port: gate.port, certificate: undefined });
      const mesh = createZenohMesh({ space, self, endpoint, storage: true, patience });
      gates.set(mesh, gate);
      return mesh;
    },
    nameOf: (digits) => `${space.records}/${digits}`,
    until,
    setLink: async (mesh, up) => gates.get(mesh)!.set(up),
    close: async () => spare.forEach((gate) => gate.close()),
  };
}

if (has("a router")) {
  beforeAll(startRouters, 60_000);
  meshContract("zenoh", createHarness);
  afterAll(async () => {
    for (const router of routers) await router.kill();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
} else testWith("a router")("the contract of the mesh over zenoh", () => {});
