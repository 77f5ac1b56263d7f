import { parseArgs } from "node:util";
import type { Mesh } from "../../src/sync/mesh.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createWorld, type Host } from "./world.ts";

/**
 * What a mesh of many peers says, in virtual time: `bun tests/sync/scale.ts --peers 100 --records 2000`. Counts what
 * all peers together ask, announce and publish, in each of some situations.
 */
const { values } = parseArgs({
  options: { peers: { type: "string", default: "100" }, records: { type: "string", default: "2000" } },
});
const peers = Number(values.peers);

const world = createWorld(1);
world.network.setFaults({ delay: [5, 40] });
const traffic = { questions: 0, questionBytes: 0, answerBytes: 0, announcements: 0, published: 0 };

function counted(mesh: Mesh): Mesh {
  return {
    ...mesh,
    announce(announcement) {
      traffic.announcements++;
      mesh.announce(announcement);
    },
    publish(name, bytes) {
      traffic.published++;
      return mesh.publish(name, bytes);
    },
    async ask(peer, question, deadline) {
      traffic.questions++;
      traffic.questionBytes += question.length;
      const answer = await mesh.ask(peer, question, deadline);
      traffic.answerBytes += answer?.length ?? 0;
      return answer;
    },
  };
}

const base = createMemoryStore();
base.setState("mesh.id", "mesh");
base.merge(Array.from({ length: Number(values.records) }, () => observation()));
const hosts = Array.from({ length: peers }, (_, i) =>
  world.host(base.copy(), { place: `p${i}`, mesh: counted(world.network.connect(`p${i}`)) }),
);
let saved = 0;

function observation() {
  return world.record("observation", undefined, { content: "x".repeat(300) });
}

function save(host: Host): void {
  host.store.append([observation()]);
  host.replicator.wake();
  saved++;
}

/** How long until every host has everything, in milliseconds. */
function arrival(): number {
  const from = world.now();
  const all = Number(values.records) + saved;
  world.until(() => hosts.every(({ store }) => store.count() === all), 600_000);
  return Math.round(world.now() - from);
}

function tell(situation: string): void {
  console.log(`${situation.padEnd(40)} ${JSON.stringify(traffic)}`);
  for (const key of Object.keys(traffic)) traffic[key as keyof typeof traffic] = 0;
}

world.run(20_000);
tell("start, all sets equal");
world.run(600_000);
tell("ten minutes of nothing");
save(hosts[0]!);
const live = arrival();
world.run(30_000);
tell(`one save, everywhere after ${live} ms`);
for (let i = 0; i < 60; i++) {
  save(hosts[i % peers]!);
  world.run(1_000);
}
tell("a save each second, for a minute");
const places = hosts.map(({ place }) => place);
world.network.partition(places.slice(0, peers / 2), places.slice(peers / 2));
world.run(20_000);
for (let i = 0; i < 200; i++) save(hosts[i % peers]!);
world.run(20_000);
tell("200 saves while cut in halves");
world.network.heal();
const healed = arrival();
tell(`healed, everything everywhere after ${healed} ms`);
world.run(60_000);
tell("a minute after that");
await Promise.all(hosts.map(({ replicator }) => replicator.stop()));
