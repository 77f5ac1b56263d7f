import { agent } from "../e2e/program.ts";
import type { Programs } from "./commands.ts";
import type { Figure } from "./report.ts";
import { commandTime, inTurns, median, memoryOf, quantile, timed } from "./measure.ts";
import { questions, type Machine } from "./world.ts";

/** At most so many milliseconds above the process floor. */
const allowed = { initialize: 30, search: 60 };
/** At most so many milliseconds for 95 of 100 searches, from so many memories on. */
const searchTargets = [
  { from: 100_000, p95: 15 },
  { from: 10_000, p95: 5 },
];
const megabytes = 60;

type Server = ReturnType<typeof agent>;

/** Starts a server of ours or of the original. */
export function startServer(command: string[], env: Machine["env"]): Server {
  return agent(Bun.spawn(command, { env, cwd: env.HOME!, stdin: "pipe", stdout: "pipe", stderr: "ignore" }));
}

/** The server: from its start to the first answers, then each kind of question again and again, then at rest. */
export async function servers(machine: Machine, { binary, empty, turns }: Programs): Promise<Figure[]> {
  const { size, env } = machine;
  const asked = await questions();
  const first = [...asked.values()].map(([query]) => query!);
  const starts = await inTurns(turns, {
    floor: () => commandTime([empty], env),
    initialize: () => timeToInitialize([binary, "mcp", "serve"], env),
    search: (turn) => timeToSearch([binary, "mcp", "serve"], env, first[turn % first.length]!),
  });
  const floor = median(starts.floor);
  const value = (name: string, unit: Figure["unit"], number: number, target?: number, beside?: number): Figure => ({
    name,
    unit,
    values: { [size]: number },
    ...(target !== undefined && { targets: { [size]: target } }),
    ...(beside !== undefined && { floor: beside }),
  });
  const p95 = searchTargets.find(({ from }) => size >= from)?.p95;
  const server = startServer([binary, "mcp", "serve"], env);
  await server.initialize();
  const kinds = await searchTimes(server, asked);
  await Bun.sleep(1_000);
  const { rss } = await memoryOf(server.child.pid);
  await server.end();
  const idle = startServer([binary, "mcp", "serve"], env);
  await idle.initialize();
  await Bun.sleep(1_000);
  const fresh = await memoryOf(idle.child.pid);
  await idle.call("search_memory", { query: "deploy" });
  await Bun.sleep(1_000);
  const rest = await memoryOf(idle.child.pid);
  await idle.end();
  return [
    value("server: start to initialize", "ms", median(starts.initialize), floor + allowed.initialize, floor),
    value("server: start to first search", "ms", median(starts.search), floor + allowed.search, floor),
    ...kinds.flatMap(([kind, times]) => [
      value(`server: search, ${kind}, p50`, "ms", median(times)),
      value(`server: search, ${kind}, p95`, "ms", quantile(times, 0.95), p95),
    ]),
    value("server: memory at rest", "MB", fresh.rss, megabytes),
    value("server: memory at rest after one search", "MB", rest.rss, megabytes),
    value("server: memory at rest after all of these", "MB", rss, megabytes),
  ];
}

/** Milliseconds of each search, by kind of question. Each is asked until there are enough for a 95th percentile. */
export async function searchTimes(
  server: Server,
  asked: Map<string, string[]>,
  enough = 100,
): Promise<[string, number[]][]> {
  for (const queries of asked.values()) await server.call("search_memory", { query: queries[0]!, limit: 10 });
  const all: [string, number[]][] = [];
  for (const [kind, queries] of asked) {
    const times: number[] = [];
    for (let i = 0; times.length < enough; i++) {
      const query = queries[i % queries.length]!;
      times.push(await timed(() => server.call("search_memory", { query, limit: 10 })));
    }
    all.push([kind, times]);
  }
  return all;
}

export async function timeToInitialize(command: string[], env: Machine["env"]): Promise<number> {
  const start = Bun.nanoseconds();
  const server = startServer(command, env);
  await server.initialize();
  const time = (Bun.nanoseconds() - start) / 1e6;
  await server.end();
  return time;
}

export async function timeToSearch(command: string[], env: Machine["env"], query: string): Promise<number> {
  const start = Bun.nanoseconds();
  const server = startServer(command, env);
  await server.initialize();
  await server.call("search_memory", { query, limit: 10 });
  const time = (Bun.nanoseconds() - start) / 1e6;
  await server.end();
  return time;
}
