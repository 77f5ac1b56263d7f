import { Database } from "bun:sqlite";
import { openStore } from "../../src/store/store.ts";
import { median, quantile, timed } from "./measure.ts";
import type { Figure } from "./report.ts";
import { questions, type Machine } from "./world.ts";

const now = "2026-11-22T00:00:00.000000Z";

/** Searches in the process, by kind of question: what the store itself takes, without a protocol around it. */
export async function searching({ size, database, content }: Machine, rounds = 5): Promise<Figure[]> {
  const store = openStore(database, () => now);
  const figures: Figure[] = [];
  for (const [kind, queries] of await questions()) {
    const times: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      for (const query of queries) {
        const time = await timed(() => store.search(query, {}, now, 50));
        if (round > 0) times.push(time); // the first one warms up
      }
    }
    figures.push({ name: `in the process: search, ${kind}, p50`, unit: "ms", values: { [size]: median(times) } });
    figures.push({
      name: `in the process: search, ${kind}, p95`,
      unit: "ms",
      values: { [size]: quantile(times, 0.95) },
    });
  }
  const rebuild = await timed(() => store.rebuild());
  store.close();
  return [
    ...figures,
    { name: "search tables / content", unit: "×", values: { [size]: sizeOf(database) / content } },
    { name: "rebuild, a thousand memories", unit: "ms", values: { [size]: (rebuild / size) * 1000 } },
  ];
}

/** Bytes of the search tables. */
function sizeOf(database: string): number {
  const db = new Database(database);
  const { bytes } = db
    .query<{ bytes: number }, []>("select sum(pgsize) as bytes from dbstat where name like 'search_index%'")
    .get()!;
  db.close();
  return bytes;
}

if (import.meta.main) {
  const { mkdtempSync, rmSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const { tableOf } = await import("./report.ts");
  const { fill } = await import("./world.ts");
  const work = mkdtempSync(join(tmpdir(), "kioku-bench-"));
  try {
    for (const size of process.argv.slice(2).map(Number))
      console.log(tableOf(await searching(fill(work, size)), [size]));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
