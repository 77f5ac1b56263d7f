import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { payloadOf } from "../../src/core/observation.ts";
import { commandTime, inTurns, median, memoryOf, quantile } from "./measure.ts";
import { memories } from "./memories.ts";
import { searchTimes, startServer, timeToInitialize, timeToSearch } from "./servers.ts";
import { questions } from "./world.ts";

/** The Python original (1.2.0, in a virtual environment) on the same memories and questions, by the names of our figures. */
export async function originalFigures(venv: string, directory: string, size: number): Promise<[string, number][]> {
  const home = join(directory, "original");
  mkdirSync(home, { recursive: true });
  const env = { HOME: home, PATH: `${join(venv, "bin")}:${process.env.PATH}` };
  const program = join(venv, "bin/kioku-mesh");
  const server = [join(venv, "bin/kioku-mesh-mcp")];
  const save = ["save", "the first memory", "--subject", "first", "--summary", "the first memory"];
  commandTime([program, "init", "--mode", "local"], env);
  commandTime([program, ...save], env);
  fillOriginal(home, size);
  const asked = await questions();
  const first = [...asked.values()].map(([query]) => query!);
  const times = await inTurns(5, {
    version: () => commandTime([program, "--version"], env),
    save: () => commandTime([program, ...save], env),
    search: (turn) => commandTime([program, "search", first[turn]!], env),
    initialize: () => timeToInitialize(server, env),
    first: (turn) => timeToSearch(server, env, first[turn]!),
  });
  const running = startServer(server, env);
  await running.initialize();
  await running.call("search_memory", { query: "deploy" });
  const { rss } = await memoryOf(running.child.pid);
  const kinds = await searchTimes(running, asked, 20);
  await running.end();
  return [
    ["command: --version", median(times.version)],
    ["command: save", median(times.save)],
    ["command: search", median(times.search)],
    ["server: start to initialize", median(times.initialize)],
    ["server: start to first search", median(times.first)],
    ["server: memory at rest after one search", rss],
    ...kinds.flatMap(([kind, some]): [string, number][] => [
      [`server: search, ${kind}, p50`, median(some)],
      [`server: search, ${kind}, p95`, quantile(some, 0.95)],
    ]),
  ];
}

/** Puts memories where the original keeps them; it makes its index from there at every start. */
function fillOriginal(home: string, size: number): void {
  const db = new Database(join(home, ".local/share/kioku-mesh/local/raw.db"));
  const insert = db.query(
    "insert or ignore into local_obs (observation_id, payload_json, created_at) values (?, ?, ?)",
  );
  db.transaction(() => {
    for (const memory of memories(size)) insert.run(memory.observation_id, payloadOf(memory), memory.created_at);
  })();
  db.close();
}
