import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { payloadOf } from "../../src/core/observation.ts";
import { openStore, recordOf } from "../../src/store/store.ts";
import { memories } from "./memories.ts";

/** A machine with so many memories: its environment, and what they take. */
export interface Machine {
  size: number;
  env: { [name: string]: string };
  database: string;
  /** Bytes of the content fields, of whole payloads, and of the database. */
  content: number;
  payload: number;
  file: number;
}

/** Fills a database with memories, as an import would. */
export function fill(directory: string, size: number): Machine {
  const state = join(directory, `state-${size}`);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const database = join(state, "memory.db");
  const store = openStore(database, () => "2026-11-22T00:00:00.000000Z");
  let [content, payload] = [0, 0];
  let batch: ReturnType<typeof recordOf>[] = [];
  const flush = () => {
    store.append(batch);
    batch = [];
  };
  for (const memory of memories(size)) {
    const text = payloadOf(memory);
    content += Buffer.byteLength(memory.content);
    payload += Buffer.byteLength(text);
    batch.push(recordOf("observation", memory.observation_id, text));
    if (batch.length === 1_000) flush();
  }
  flush();
  store.close();
  const env = { HOME: directory, PATH: process.env.PATH!, KIOKU_MESH_STATE_DIR: state };
  return { size, env, database, content, payload, file: statSync(database).size };
}

/** Questions of every kind that people and agents ask, by kind. */
export async function questions(): Promise<Map<string, string[]>> {
  const lines = (await Bun.file(join(import.meta.dir, "../recall/questions.jsonl")).text()).trimEnd().split("\n");
  const all = lines.map((line) => JSON.parse(line) as { kind: string; query: string });
  const byKind = new Map(
    [...Map.groupBy(all, ({ kind }) => kind)].map(([kind, some]) => [kind, some.map(({ query }) => query)]),
  );
  // Words that nearly every memory has: what costs most, and selects nothing.
  byKind.set("common words", [
    "the fix was in the build and it took a while",
    "seen in commit",
    "it took ms in build",
    "src ts at",
    "で 直した ticket",
    "why did the test fail in the build with the same error",
  ]);
  return byKind;
}
