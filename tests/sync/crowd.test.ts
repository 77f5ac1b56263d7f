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
  });

  test("under steady change say no more each than ten would", () => {
    const crowd = createCrowd({ peers: 30, records });
    crowd.run(20_000);
    crowd.traffic();
    for (let i = 0; i < 60; i++) {
      crowd.save(crowd.hosts[i % 30]!);
      crowd.run(1_000);
    }
    expect(crowd.traffic().mean.announcements / 60).toBeLessThan(5);
  });

  test("do not all bring the same to a newcomer", () => {
    const crowd = createCrowd({ peers: 30, records });
    crowd.run(20_000);
    crowd.traffic();
    crowd.newcomer();
    expect(crowd.converge(30_000)).toBeLessThan(5_000);
    crowd.run(30_000);
    expect(crowd.traffic().busiest.bytes).toBeLessThan(4 * 2_000 * recordBytes);
  });

  test("that were cut in halves fetch what they lack about once, each from somebody", () => {
    const crowd = createCrowd({ peers: 30, records });
    const places = crowd.hosts.map(({ place }) => place);
    crowd.run(20_000);
    crowd.network.partition(places.slice(0, 15), places.slice(15));
    crowd.save(crowd.hosts[0]!, 200);
    crowd.save(crowd.hosts.at(-1)!, 200);
    crowd.run(20_000);
    crowd.traffic();
    crowd.network.heal();
    expect(crowd.converge(60_000)).toBeLessThan(15_000);
    expect(crowd.traffic().mean.bytes).toBeLessThan(1.6 * 200 * recordBytes);
  });
});
