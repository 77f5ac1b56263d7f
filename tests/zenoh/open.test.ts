import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { recordOf } from "../../src/store/store.ts";
import { openSealer } from "../../src/sync/open-sealer.ts";
import { createReplicator } from "../../src/sync/replicator.ts";
import { systemScheduler } from "../../src/sync/scheduler.ts";
import { createZenohMesh } from "../../src/zenoh/mesh.ts";
import { eventually } from "../mesh/hosts.ts";
import { testWith } from "../needs.ts";
import { createMemoryStore } from "../sync/memory-store.ts";
import { openGate } from "./gate.ts";
import { startRouter, unpackRouter } from "./router.ts";

const id = "0123456789abcdef0123456789abcdef";
const sealer = openSealer({ observation: () => undefined, now: () => "2026-02-03T04:05:06.000000Z" });
const record = recordOf("observation", id, `{"content": "離れたルーターの記憶", "observation_id": "${id}"}`);

/** A replicator of an open mesh at a router, with little patience. */
function replicatorAt(websocket: number) {
  const self = crypto.randomUUID().replaceAll("-", "");
  const endpoint = () => ({ port: websocket, certificate: undefined });
  const mesh = createZenohMesh({ space: { records: "mem", control: "kioku/open" }, self, endpoint, storage: true });
  const store = createMemoryStore();
  const timing = { tick: 50, settle: 100, mend: 0, reread: 300 };
  const host = { id: self, name: "test" };
  const options = { mesh, meshId: "open", store, sealer, scheduler: systemScheduler, host, open: true, timing };
  const replicator = createReplicator(options);
  replicator.start();
  return { store, replicator };
}

testWith("a router")(
  "what another router of an open mesh has stored is found on a timer, though nobody speaks of it",
  async () => {
    const { folder, files } = unpackRouter();
    const far = await startRouter(files, { records: "mem" });
    const gate = await openGate(far.port);
    gate.set(false);
    const near = await startRouter(files, { records: "mem", connect: [gate.port] });
    const there = replicatorAt(far.websocket);
    const here = replicatorAt(near.websocket);
    try {
      there.store.append([record]);
      there.replicator.wake();
      await eventually("it is stored there", () => there.replicator.status().pending === 0);
      await there.replicator.stop(); // no peer to ask, and nothing published any more
      await eventually("the storage here was read", () => here.store.state("mesh.read") === "1");
      expect(here.store.count()).toBe(0);
      gate.set(true);
      await eventually("it is found", () => here.store.find("observation", id)?.payload === record.payload);
    } finally {
      await here.replicator.stop();
      gate.close();
      for (const router of [near, far]) await router.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
