/**
 * A small database with everything in it, as a release makes it: `bun tests/store/fixture.ts` keeps that of this schema
 * in tests/store/fixtures/, once, when the release that brings the schema is made.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { schemaVersion } from "../../src/store/migrate.ts";
import { openStore } from "../../src/store/store.ts";
import { erasure, idOf, now, observation, tombstone, unknown } from "./records.ts";

export const memory = "remember 読み取り専用 and parseConfigFile";

export function makeFixture(path: string): void {
  const store = openStore(path, () => now);
  const live = observation(idOf("live"), { content: memory, supersedes: [idOf("deleted")], "x-later": true });
  store.append([
    live,
    observation(idOf("deleted"), { content: "remember no more" }),
    tombstone(idOf("deleted")),
    observation(idOf("erased"), { content: "remember never" }),
    erasure(idOf("erased")),
  ]);
  store.merge([unknown(idOf("live"), "kept unread")]);
  store.append([observation(idOf("hidden"), { content: "remember elsewhere" })]);
  store.hide([idOf("hidden")], now);
  store.setState("note", "of this host");
  store.purge();
  store.close();
}

if (import.meta.main) {
  const folder = join(import.meta.dir, "fixtures");
  const path = join(folder, `v${schemaVersion}.db`);
  if (existsSync(path)) throw new Error(`${path} exists: a released schema never changes`);
  mkdirSync(folder, { recursive: true });
  makeFixture(path);
  console.log(path);
}
