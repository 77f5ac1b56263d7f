import { parseArgs } from "node:util";
import { common, createCrowd } from "./crowd.ts";

/**
 * What a mesh of many peers takes, in virtual time: `bun run bench:scale`, or with lists for other sizes, as
 * `bun run bench:scale --peers 10,20 --records 1000 --missing 50`. A message travels for 5 to 50 ms. Prints the tables of
 * docs/mesh-scale.md, a row for each situation: how long until every host has everything, and what came to a peer.
 */
const { values } = parseArgs({
  options: {
    peers: { type: "string", default: "100" },
    records: { type: "string", default: "10000" },
    missing: { type: "string", default: "100" },
  },
});
const numbers = (list: string) => list.split(",").map(Number);
const limit = 3_600_000;

const columns = [
  ["peers", 6],
  ["records", 9],
  ["situation", 40],
  ["all have all", 12],
  ["announced", 9],
  ["published", 9],
  ["asked", 7],
  ["kB", 9],
  ["kB, busiest", 11],
  ["CPU ms", 8],
] as const;

function row(cells: readonly (string | number)[]): void {
  const text = (cell: string | number) => (typeof cell === "string" ? cell : figure(cell));
  console.log(
    `| ${cells.map((cell, i) => (i === 2 ? text(cell).padEnd(columns[i]![1]) : text(cell).padStart(columns[i]![1]))).join(" | ")} |`,
  );
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return "never";
  return value >= 99.5 || Number.isInteger(value) ? Math.round(value).toString() : value.toPrecision(2);
}

async function measure(peers: number, records: ReturnType<typeof common>, missing: number): Promise<void> {
  const crowd = createCrowd({ peers, records });
  const { hosts } = crowd;
  const places = hosts.map(({ place }) => place);
  const halves = [places.slice(0, peers / 2), places.slice(peers / 2)] as const;
  let processor = process.cpuUsage();

  function tell(situation: string, time?: number): void {
    const { mean, busiest } = crowd.traffic();
    const { user, system } = process.cpuUsage(processor);
    const took = time === undefined ? "" : `${figure(time / 1000)} s`;
    const { announcements, published, questions, answers } = mean;
    const sizes = [mean.bytes / 1000, busiest.bytes / 1000, (user + system) / 1000 / peers];
    row([peers, records.base.sum.count, situation, took, announcements, published, questions + answers, ...sizes]);
    processor = process.cpuUsage();
  }

  crowd.run(20_000);
  tell("all start at once, level");
  crowd.run(600_000);
  tell("ten minutes of nothing");
  crowd.save(hosts[0]!);
  let time = crowd.converge(limit);
  crowd.run(30_000);
  tell("one save, and half a minute", time);
  for (const host of hosts) crowd.save(host, 10);
  time = crowd.converge(limit);
  crowd.run(30_000);
  tell("each saves ten at once, half a minute", time);
  for (let i = 0; i < 60; i++) {
    crowd.save(hosts[i % peers]!);
    crowd.run(1_000);
  }
  tell("a save each second, for a minute", crowd.converge(limit));
  crowd.run(30_000);
  crowd.traffic();
  crowd.network.partition(...halves);
  crowd.run(20_000);
  crowd.save(hosts[0]!, missing);
  crowd.save(hosts.at(-1)!, missing);
  crowd.run(60_000);
  tell(`cut in halves, ${missing} saved in each`);
  crowd.network.heal();
  time = crowd.converge(limit);
  tell("healed", time);
  crowd.run(60_000);
  tell("a minute after that");
  crowd.newcomer();
  time = crowd.converge(limit);
  tell("a newcomer who has nothing", time);
  crowd.run(60_000);
  tell("a minute after that");
  await crowd.stop();
}

row(columns.map(([name]) => name));
row(columns.map(([, width]) => "-".repeat(width)));
for (const count of numbers(values.records)) {
  const records = common(count);
  for (const peers of numbers(values.peers)) {
    for (const missing of numbers(values.missing)) await measure(peers, records, missing);
  }
}
