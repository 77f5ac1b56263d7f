import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore, recordOf, type Store } from "../../src/store/store.ts";
import { erasure, idOf, memoryStore, now, observation, tombstone } from "./records.ts";
import { temporaryDirectory } from "./temporary.ts";

const directory = temporaryDirectory();
const pageSize = 4096;

const found = (store: Store, query: string) =>
  store.search(query, {}, now, 10).hits.map(({ observation: { content } }) => content);

/** A database with some hundred memories, made once. */
const original = join(directory, "original.db");
const filled = openStore(original, () => now);
filled.append(
  Array.from({ length: 400 }, (_, i) =>
    observation(idOf(`${i}`), { content: `memory${i} of ${idOf(`text ${i}`)} 記憶` }),
  ),
);
filled.close();

let copies = 0;
function copy(): string {
  const path = join(directory, `copy-${copies++}.db`);
  copyFileSync(original, path);
  return path;
}

/** Runs statements as another process would. */
function meddle(path: string, ...statements: string[]): void {
  const db = new Database(path);
  for (const statement of statements) db.run(statement);
  db.close();
}

/** The tokens that the search tables of a database know. */
function tokens(path: string): string[] {
  const db = new Database(path);
  const [table] = db
    .query<{ name: string }, []>("select name from sqlite_schema where name like 'search_token%'")
    .all();
  const rows = db.query<{ term: string }, []>(`select term from ${table!.name}`).all();
  db.close();
  return rows.map(({ term }) => term);
}

describe("the search tables follow the log", () => {
  test("in the same transaction: what is not stored is not found", () => {
    const store = memoryStore();
    const broken = { ...observation(idOf("b"), { content: "second" }), at: null as unknown as string };
    expect(() => store.append([observation(idOf("a"), { content: "first" }), broken])).toThrow();
    expect(found(store, "first")).toEqual([]);
    store.append([observation(idOf("a"), { content: "first" })]);
    expect(found(store, "first")).toEqual(["first"]);
  });

  test("a withdrawn observation leaves no token, once they are merged", () => {
    const path = copy();
    const store = openStore(path, () => now);
    store.append([observation(idOf("x"), { content: "xylophone zzyzx", subject: "quokka", project: "wombat" })]);
    expect(found(store, "zzyzx")).toHaveLength(1);
    store.append([tombstone(idOf("x")), erasure(idOf("x"))]);
    expect(found(store, "zzyzx")).toEqual([]);
    store.purge();
    store.close();
    expect(tokens(path).filter((token) => /xylophon|zzyzx|quokka|wombat|zyz/.test(token))).toEqual([]);
    expect(tokens(path).some((token) => token.includes("memori"))).toBe(false);
    expect(tokens(path).some((token) => token.includes("memory7"))).toBe(true);
  });

  test("another claim to an identity is found in the place of the first", () => {
    const store = memoryStore();
    store.append([observation(idOf("a"), { content: "later claim", created_at: "2026-02-01T00:00:00.000000Z" })]);
    store.append([observation(idOf("a"), { content: "earlier claim", created_at: "2026-01-01T00:00:00.000000Z" })]);
    expect(found(store, "claim")).toEqual(["earlier claim"]);
    expect(found(store, "later")).toEqual([]);
  });

  test("payloads that cannot be read, or hold nonsense, hinder no search and no rebuild", () => {
    const store = memoryStore();
    store.append([
      recordOf("observation", idOf("a"), "no JSON at all"),
      recordOf("observation", idOf("b"), '{"content": 7}'),
      recordOf("observation", idOf("c"), '{"content": "sound", "tags": {"a": 1}, "subject": ["x"], "created_at": 12}'),
    ]);
    expect(found(store, "sound")).toEqual(["sound"]);
    expect(store.rebuild()).toBe(1);
    expect(found(store, "sound")).toEqual(["sound"]);
  });
});

describe("the search tables are made anew", () => {
  const outdated: [what: string, statements: string[]][] = [
    ["of an older version", ["update state set value = '0 1' where key = 'search_index'"]],
    ["missing, and so is their version", ["drop table search_index_1", "delete from state where key = 'search_index'"]],
    ["dropped", ["drop table search_index_1"]],
    ["without their counts", ["drop table search_token_1"]],
  ];
  for (const [what, statements] of outdated) {
    test(`when the database is opened and they are ${what}`, () => {
      const path = copy();
      meddle(path, ...statements);
      const store = openStore(path, () => now);
      expect(found(store, "memory123")).toHaveLength(1);
      store.append([observation(idOf("new"), { content: "after it" })]);
      expect(found(store, "after")).toEqual(["after it"]);
      store.close();
    });

    test(`for a process that runs while they are ${what}`, () => {
      const path = copy();
      const store = openStore(path, () => now);
      expect(found(store, "memory123")).toHaveLength(1);
      meddle(path, ...statements);
      expect(found(store, "memory123")).toHaveLength(1);
      store.close();
    });
  }

  const parts = [
    "search_index_1_data leaf",
    "search_index_1_data internal",
    "search_index_1_idx leaf",
    "search_index_1_config leaf",
  ];
  for (const part of parts) {
    for (const filler of [0x00, 0x55]) {
      test(`where the pages of ${part} are overwritten with ${filler}, by a search and by a save`, () => {
        for (const first of ["search", "save"]) {
          const path = copy();
          overwrite(path, part, filler);
          const store = openStore(path, () => now);
          const save = () => store.append([observation(idOf("new"), { content: "after the damage" })]);
          if (first === "save") save();
          expect(found(store, "memory123")).toHaveLength(1);
          if (first === "search") save();
          expect(found(store, "damage")).toEqual(["after the damage"]);
          store.close();
        }
      });
    }
  }

  test("on request, and give what they gave", () => {
    const path = copy();
    const before = tokens(path);
    const store = openStore(path, () => now);
    expect(store.rebuild()).toBe(400);
    expect(found(store, "memory123")).toHaveLength(1);
    store.close();
    expect(tokens(path)).toEqual(before);
  });
});

function overwrite(path: string, part: string, filler: number): void {
  const [name, pagetype] = part.split(" ");
  const db = new Database(path);
  const pages = db
    .query<{ pageno: number }, [string, string]>("select pageno from dbstat where name = ? and pagetype = ?")
    .all(name!, pagetype!);
  db.close();
  expect(pages.length).toBeGreaterThan(0);
  const bytes = readFileSync(path);
  for (const { pageno } of pages) bytes.fill(filler, (pageno - 1) * pageSize, pageno * pageSize);
  writeFileSync(path, bytes);
}

describe("where another process has search tables of a newer version", () => {
  const newer = "update state set value = '99 1' where key = 'search_index'";

  test("this build reads the log itself, and leaves them alone", () => {
    const path = copy();
    meddle(path, newer);
    const store = openStore(path, () => now);
    expect(found(store, "memory123")).toHaveLength(1);
    expect(store.state("search_index")).toBe("99 1");
    store.close();
  });

  test("what this build saves marks them, so that the newer build makes them anew", () => {
    const path = copy();
    const store = openStore(path, () => now);
    meddle(path, newer);
    store.append([observation(idOf("new"), { content: "by the older build" })]);
    expect(store.state("search_index")).toBe("0 1");
    expect(found(store, "older")).toEqual(["by the older build"]);
    store.close();
  });
});
