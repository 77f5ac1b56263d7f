import { describe, expect, test } from "bun:test";
import { createLoopback, type Faults } from "../../src/sync/loopback.ts";
import type { MeshListener } from "../../src/sync/mesh.ts";
import { meshContract, type MeshHarness } from "./mesh-contract.ts";
import { createVirtualTime } from "./virtual-time.ts";

meshContract("loopback", (): MeshHarness => {
  const time = createVirtualTime(1);
  const network = createLoopback(time);
  const places = new Map<unknown, string>();
  return {
    connect() {
      const place = `place-${places.size}`;
      network.shelve(place);
      const mesh = network.connect(place);
      places.set(mesh, place);
      return mesh;
    },
    nameOf: (digits) => `record/${digits}`,
    until: (condition) => Promise.resolve(time.until(condition, 30_000)),
    setLink: (mesh, up) => Promise.resolve(network.setRouter(places.get(mesh)!, up)),
    close: () => Promise.resolve(),
  };
});

const deaf: MeshListener = {
  linked: () => {},
  received: () => {},
  asked: () => undefined,
  present: () => {},
  left: () => {},
  relayed: () => {},
  deleted: () => {},
};

/** Publishes numbers from one place to another and gives them as they arrive. */
function arrivals(faults: Partial<Faults>, seed = 1, meanwhile?: (network: ReturnType<typeof createLoopback>) => void) {
  const time = createVirtualTime(seed);
  const network = createLoopback(time);
  network.setFaults(faults);
  const [a, b] = [network.connect("a"), network.connect("b")];
  const got: number[] = [];
  a.open(deaf);
  b.open({ ...deaf, received: (_, bytes) => void got.push(bytes[0]!) });
  time.run(10);
  for (let i = 0; i < 200; i++) void a.publish("name", Uint8Array.of(i));
  meanwhile?.(network);
  time.run(10_000);
  return got;
}

describe("the loopback's faults", () => {
  test("lose, repeat and reorder as ordered, the same way for the same seed", () => {
    const everything = Array.from({ length: 200 }, (_, i) => i);
    expect(arrivals({})).toEqual(everything);
    const lost = arrivals({ loss: 0.5 }).length;
    expect(lost > 60 && lost < 140).toBe(true);
    const repeated = arrivals({ duplication: 0.5 });
    expect(repeated.length > 260 && new Set(repeated).size === 200).toBe(true);
    const reordered = arrivals({ delay: [0, 100] });
    expect(reordered).not.toEqual(everything);
    expect(reordered.toSorted((a, b) => a - b)).toEqual(everything);
    expect(arrivals({ loss: 0.3, delay: [0, 9] }, 4)).toEqual(arrivals({ loss: 0.3, delay: [0, 9] }, 4));
    expect(arrivals({ loss: 0.3, delay: [0, 9] }, 4)).not.toEqual(arrivals({ loss: 0.3, delay: [0, 9] }, 5));
  });

  test("drop what is in flight when the network is cut", () => {
    expect(arrivals({ delay: [50, 50] }, 1, (network) => network.partition(["a"], ["b"]))).toEqual([]);
  });
});
