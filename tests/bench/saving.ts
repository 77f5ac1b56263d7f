import { Database } from "bun:sqlite";
import { join } from "node:path";
import { payloadOf } from "../../src/core/observation.ts";
import { openStore, recordOf } from "../../src/store/store.ts";
import { inTurns, median, timed } from "./measure.ts";
import { memories } from "./memories.ts";
import type { Figure } from "./report.ts";
import type { Machine } from "./world.ts";

const count = 400;
/** At most so many times a raw insert. */
const allowed = 3;

/** A save in the process beside a raw insert of the same payload, both on the same disk, flushed. */
export async function saving({ size, database }: Machine, directory: string): Promise<Figure[]> {
  const store = openStore(database, () => "2026-11-22T00:00:00.000000Z");
  const raw = new Database(join(directory, `raw-${size}.db`), { create: true });
  raw.run("pragma journal_mode = wal");
  raw.run("pragma synchronous = full");
  raw.run("create table memory (id text primary key, payload text)");
  const insert = raw.query("insert into memory values (?, ?)");
  const batch = [...memories(count + 1, 77)];
  const times = await inTurns(count, {
    save: (turn) => {
      const memory = batch[turn]!;
      return timed(() => store.append([recordOf("observation", memory.observation_id, payloadOf(memory))]));
    },
    insert: (turn) => timed(() => insert.run(batch[turn]!.observation_id, payloadOf(batch[turn]!))),
  });
  raw.close();
  store.close();
  const floor = median(times.insert);
  return [
    { name: "in the process: save", unit: "ms", values: { [size]: median(times.save) }, floor },
    {
      name: "in the process: save / raw insert",
      unit: "×",
      values: { [size]: median(times.save) / floor },
      targets: { [size]: allowed },
    },
  ];
}
