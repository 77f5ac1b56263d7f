import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { payloadOf } from "../../src/core/observation.ts";
import { raw } from "../import/python-databases.ts";
import { costAndPeak, timed } from "./measure.ts";
import { memories } from "./memories.ts";
import type { Figure } from "./report.ts";

/** Milliseconds that a thousand memories may take: 5,000 a second. */
const allowed = 200;

/** The Python program's database taken in, beside a raw insert of the same payloads a thousand at a time. One run each. */
export async function importing(size: number, directory: string, binary: string): Promise<Figure[]> {
  const rows = [...memories(size, 5)].map((memory) => ({ id: memory.observation_id, payload: payloadOf(memory) }));
  const source = raw(join(directory, `python-${size}.db`), { observations: rows });
  const state = join(directory, `imported-${size}`);
  mkdirSync(state, { mode: 0o700 });
  const env = { HOME: directory, PATH: process.env.PATH!, KIOKU_MESH_STATE_DIR: state };
  const { time, processor, memory } = await costAndPeak([binary, "import", source], env);
  const floor = await timed(() => insertAll(join(directory, `inserted-${size}.db`), rows));
  const thousands = size / 1_000;
  const figure = (name: string, unit: Figure["unit"], value: number) => ({ name, unit, values: { [size]: value } });
  return [
    {
      ...figure("import: a thousand memories", "ms", time / thousands),
      targets: { [size]: allowed },
      floor: floor / thousands,
    },
    figure("import: a thousand memories, of processor time", "ms", processor / thousands),
    figure("import / raw insert", "×", time / floor),
    figure("import: memory at its most", "MB", memory),
  ];
}

function insertAll(path: string, rows: readonly { id: string; payload: string }[]): void {
  const db = new Database(path, { create: true });
  db.run("pragma journal_mode = wal");
  db.run("pragma synchronous = full");
  db.run("create table memory (id text primary key, payload text)");
  const insert = db.query("insert into memory values (?, ?)");
  const insertSome = db.transaction((from: number) => {
    for (const { id, payload } of rows.slice(from, from + 1_000)) insert.run(id, payload);
  });
  for (let from = 0; from < rows.length; from += 1_000) insertSome(from);
  db.close();
}
