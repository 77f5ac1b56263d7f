import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { createZenohMesh } from "../../src/zenoh/mesh.ts";
import { testWith } from "../needs.ts";
import { openGate } from "./gate.ts";
import { startRouter, unpackRouter } from "./router.ts";

/** Milliseconds after which the client gives up a request. */
const requestTimeout = 5_000;

/** Settles with a promise, or with "late". */
function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | "late"> {
  return Promise.race([promise, Bun.sleep(milliseconds).then(() => "late" as const)]);
}

testWith("a router")(
  "a router that takes nothing more and then dies under full buffers leaves nothing hanging",
  async () => {
    const { files, folder } = unpackRouter();
    const router = await startRouter(files, { records: "kioku/stall" });
    const gate = await openGate(router.websocket);
    const links: boolean[] = [];
    const mesh = createZenohMesh({
      space: { records: "kioku/stall/record", control: "kioku/control" },
      self: crypto.randomUUID().replaceAll("-", ""),
      endpoint: () => ({ port: gate.port, certificate: undefined }),
      storage: true,
      patience: { open: 2_000, retry: 20, retryLimit: 100 },
    });
    const until = async (condition: () => boolean) => {
      for (const end = Date.now() + 20_000; !condition();) {
        if (Date.now() > end) throw new Error("not in time");
        await Bun.sleep(10);
      }
    };
    try {
      mesh.open({
        linked: (up) => void links.push(up),
        relayed: () => {},
        received: () => {},
        asked: () => undefined,
        present: () => {},
        left: () => {},
        deleted: () => {},
      });
      await until(() => links.at(-1) === true);
      gate.stall();
      const large = new Uint8Array(4 * 1024 * 1024);
      const publishing = Array.from({ length: 4 }, (_, i) => mesh.publish(`kioku/stall/record/${i}`, large));
      mesh.announce(Uint8Array.of(1));
      await Bun.sleep(requestTimeout + 500);
      gate.set(false);
      expect(await within(10_000, Promise.all(publishing))).toEqual([false, false, false, false]);
      gate.set(true);
      await until(() => links.at(-1) === true && links.length >= 3);
      expect(await within(10_000, mesh.publish("kioku/stall/record/9", Uint8Array.of(1)))).toBe(true);
      expect(await within(10_000, mesh.close())).toBeUndefined();
    } finally {
      gate.close();
      await router.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
