import { describe, expect, test } from "bun:test";
import { common, createCrowd } from "./crowd.ts";

const records = common(2_000);
const recordBytes = 600; // at most, as it travels

describe("thirty peers", () => {
  test("say only a few times that all have what one saved, and each is known to have it", () => {
    const crowd = createCrowd({ peers: 30, records });
    crowd.run(20_000);
    crowd.traffic();
    crowd.save(crowd.hosts[0]!);
    expect(crowd.converge(1_000)).toBeLessThan(100);
    crowd.run(30_000);
    expect(crowd.traffic().mean.announcements).toBeLessThan(10);
    for (const { replicator } of crowd.hosts) {
      expect(replicator.status().peers.filter(({ equal }) => !equal)).toEqual([]);
      expect(replicator.status().pending).toBe(0);
    }
  }, 30_000);

  test("do not all bring the same to a newcomer", () => {
    const crowd = createCrowd({ peers: 30, records });
    crowd.run(20_000);
    crowd.traffic();
    crowd.newcomer();
    expect(crowd.converge(30_000)).toBeLessThan(5_000);
    crowd.run(30_000);
    expect(crowd.traffic().busiest.bytes).toBeLessThan(2.5 * 2_000 * recordBytes);
  }, 30_000);
});
