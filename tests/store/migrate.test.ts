import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { migrate, schemaVersion } from "../../src/store/migrate.ts";
import { openStore } from "../../src/store/store.ts";
import { temporary } from "../temporary.ts";
import { makeFixture, memory } from "./fixture.ts";
import { idOf, now } from "./records.ts";

const fixtures = join(import.meta.dir, "fixtures");

test("the schema after all migrations is the one written down (else: update tests/store/schema.sql)", () => {
  using files = temporary();
  openStore(files.at("memory.db"), () => now).close();
  const db = new Database(files.at("memory.db"));
  const parts = db
    .query<{ sql: string }, []>(
      `select sql from sqlite_schema where sql is not null and sql not like 'create virtual%'
       and (type = 'index' or name not like '%\\_%' escape '\\') order by type desc, rowid`,
    )
    .all();
  db.close();
  const schema = parts.map(({ sql }) => `${sql};\n`).join("\n");
  expect(schema).toBe(readFileSync(join(import.meta.dir, "schema.sql"), "utf8"));
});

test("there is a database of every released schema before this one", () => {
  const older = Array.from({ length: schemaVersion - 1 }, (_, i) => `v${i + 1}.db`);
  expect(older.filter((name) => !existsSync(join(fixtures, name)))).toEqual([]);
});

const released = existsSync(fixtures) ? readdirSync(fixtures) : [];
for (const name of [...released, `v${schemaVersion}.db as it is now`]) {
  test(`a database of schema ${name} opens and answers`, () => {
    using files = temporary();
    const path = files.at("memory.db");
    if (released.includes(name)) copyFileSync(join(fixtures, name), path);
    else makeFixture(path);
    const store = openStore(path, () => now);
    expect(store.fingerprint().count).toBe(7);
    expect(store.observation(idOf("live"), now)).toMatchObject({ state: "live", observation: { content: memory } });
    expect(store.observation(idOf("deleted"), now)?.state).toBe("tombstoned");
    expect(store.observation(idOf("hidden"), now)?.state).toBe("shadowed");
    expect(store.record("observation", idOf("erased"))?.payload).toBeNull();
    expect(store.search("remember", {}, now, 10).hits).toHaveLength(1);
    expect(store.append([{ ...store.record("observation", idOf("live"))! }])).toEqual(["present"]);
    expect(store.state("note")).toBe("of this host");
    store.close();
  });
}

test("migrations run in order, once each, and the projections are made anew after them", () => {
  const db = new Database(":memory:");
  const done: string[] = [];
  const steps = ["create table first (a)", "create table second (a); insert into second values (1)"];
  migrate(db, () => done.push("rebuilt"), steps.slice(0, 1));
  migrate(db, () => done.push("rebuilt"), steps);
  migrate(db, () => done.push("rebuilt"), steps);
  expect(done).toEqual(["rebuilt", "rebuilt"]);
  expect(db.query("select count(*) as n from second").get()).toEqual({ n: 1 });
});

test("a migration that fails half-way leaves the database as it was", () => {
  const db = new Database(":memory:");
  migrate(db, () => {}, ["create table first (a)"]);
  const steps = ["create table first (a)", "create table second (a)", "create table second (a)"];
  expect(() => migrate(db, () => {}, steps)).toThrow(/already exists/);
  expect(db.query("select name from sqlite_schema").all()).toEqual([{ name: "first" }]);
  expect(db.query("pragma user_version").get()).toEqual({ user_version: 1 });
});

test("a database of a newer schema is refused with a hint, and not a byte of it changes", () => {
  using files = temporary();
  const path = files.at("memory.db");
  makeFixture(path);
  const db = new Database(path);
  db.run("pragma user_version = 99");
  db.close();
  const before = readFileSync(path);
  expect(() => openStore(path, () => now)).toThrow(
    expect.objectContaining({ code: "corrupt", hint: expect.stringContaining("newer release") }),
  );
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("another program's database is refused, and not a byte of it changes", () => {
  using files = temporary();
  const path = files.at("memory.db");
  const db = new Database(path);
  db.run("create table theirs (a)");
  db.close();
  const before = readFileSync(path);
  expect(() => openStore(path, () => now)).toThrow(/not one of ours/);
  expect(readFileSync(path).equals(before)).toBe(true);
});
