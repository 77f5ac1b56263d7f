import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Record } from "../../src/core/record.ts";
import { usualPatience } from "../../src/store/patience.ts";
import { openStore } from "../../src/store/store.ts";
import { seeded } from "../random.ts";
import { erasure, idOf, now, observation, tombstone } from "./records.ts";

const directory = mkdtempSync(join(tmpdir(), "kioku-purge-"));
const path = join(directory, "memory.db");
const files = ["", "-wal", "-shm"];
const clean = () => rmSync(directory, { recursive: true, force: true });
process.on("exit", clean);
afterEach(() => files.forEach((suffix) => rmSync(path + suffix, { force: true })));

const letters = "abcdefghijklmnopqrstuvwxyz";

/** A word that nothing else contains, and that no stemmer changes. */
function secretOf(chance: ReturnType<typeof seeded>): string {
  return `${Array.from({ length: 24 }, () => letters[chance.below(26)]).join("")}xq`;
}

/** Memories of all sizes, each with a secret of its own in content, subject, tags and project. */
function filled(count: number): { records: Record[]; secrets: Map<string, string> } {
  const chance = seeded(7);
  const secrets = new Map<string, string>();
  const records = Array.from({ length: count }, (_, i) => {
    const id = idOf(`${i}`);
    const secret = secretOf(chance);
    secrets.set(id, secret);
    const filler = "the deploy waits for the migration ".repeat(1 + (i % 50 === 0 ? 300 : chance.below(20)));
    return observation(id, {
      content: `${filler} ${secret}`,
      subject: `on ${secret}`,
      tags: [secret],
      project: secret,
    });
  });
  return { records, secrets };
}

/** The secrets whose bytes are in any of the files; the last 20, because search tables omit what two words share. */
function found(secrets: Iterable<string>): string[] {
  // By another process: closing a file here would drop the locks that this process holds on it.
  const bytes = files.map((suffix) => Bun.spawnSync(["cat", path + suffix], { stderr: "ignore" }).stdout);
  return [...secrets].filter((secret) => bytes.some((file) => file.includes(secret.slice(-20))));
}

function inPortions(records: Record[], append: (records: Record[]) => unknown): void {
  for (let i = 0; i < records.length; i += 50) append(records.slice(i, i + 50));
}

test("erased content is gone from database, write-ahead log and search tables, with a server running", () => {
  const { records, secrets } = filled(2_000);
  const server = openStore(path, () => now);
  inPortions(records, server.append);
  const ids = [...secrets.keys()];
  const erased = ids.filter((_, i) => i % 9 === 0);
  const kept = ids.filter((_, i) => i % 9 !== 0);
  server.append(erased.filter((_, i) => i % 2 === 0).map((id) => tombstone(id)));
  const gc = openStore(path, () => now);
  gc.append(erased.map((id) => erasure(id)));
  const secretsOf = (some: string[]) => some.map((id) => secrets.get(id)!);
  expect(found(secretsOf(erased))).toHaveLength(erased.length); // so the search below would see them

  const before = gc.fingerprint();
  expect(gc.purge()).toBe(true);

  expect(found(secretsOf(erased))).toEqual([]);
  expect(found(secretsOf(kept))).toHaveLength(kept.length);
  expect(gc.fingerprint()).toEqual(before);
  for (const id of kept.slice(0, 20)) expect(server.search(secrets.get(id)!, {}, now, 5).hits).toHaveLength(1);
  for (const id of erased.slice(0, 20)) expect(server.search(secrets.get(id)!, {}, now, 5).hits).toEqual([]);
  gc.close();
  server.close();
});

test("a purge has nothing to do where nothing was erased, and where it was done", () => {
  const store = openStore(path, () => now);
  const { records, secrets } = filled(3);
  store.append(records);
  const erased = [...secrets.keys()][0]!;
  store.append([tombstone(erased), erasure(idOf("never here"))]);
  expect(store.state("unpurged")).toBeUndefined();
  expect(store.purge()).toBe(true);
  store.append([erasure(erased)]);
  expect(store.state("unpurged")).toBeDefined();
  expect(store.purge()).toBe(true);
  expect(store.state("unpurged")).toBeUndefined();
  store.close();
});

test("while another process reads from before, the purge says so; when that ends, the next one finishes", async () => {
  const { records, secrets } = filled(200);
  const store = openStore(path, () => now, { patience: { ...usualPatience, limit: 300 } });
  inPortions(records, store.append);
  const script = `
    const { Database } = require("bun:sqlite");
    const db = new Database(${JSON.stringify(path)});
    db.run("begin"); db.query("select count(*) from record").get();
    console.log("reading"); process.stdin.once("end", () => process.exit()).resume();`;
  const reader = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  try {
    const { value } = await reader.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("reading\n");
    store.append([...secrets.keys()].map((id) => erasure(id)));
    expect(store.purge()).toBe(false);
    expect(found(secrets.values())).toHaveLength(secrets.size); // that process may still read them
    store.append([observation(idOf("meanwhile"), { content: "saving goes on" })]);
    await reader.stdin.end();
    await reader.exited;
    expect(store.purge()).toBe(true);
    expect(found(secrets.values())).toEqual([]);
    expect(store.search("saving", {}, now, 5).hits).toHaveLength(1);
  } finally {
    reader.kill();
    store.close();
  }
}, 30_000);

test("content that is erased arrives again and again without touching the disk", () => {
  const { records, secrets } = filled(20);
  const store = openStore(path, () => now);
  store.append([...secrets.keys()].map((id) => erasure(id)));
  for (let i = 0; i < 3; i++) store.merge(records);
  expect(found(secrets.values())).toEqual([]);
  expect(store.state("unpurged")).toBeUndefined();
  store.close();
});
