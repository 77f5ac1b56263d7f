import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { inspect } from "../../src/store/inspect.ts";
import { openStore } from "../../src/store/store.ts";
import { temporary } from "../temporary.ts";
import { idOf, now, observation } from "./records.ts";

const record = observation(idOf("one"), { content: "a memory to be found" });

test("a new database is for its owner alone, and so are the files beside it", () => {
  using files = temporary();
  const path = files.at("memory.db");
  const store = openStore(path, () => now);
  store.append([record]);
  const modes = ["", "-wal", "-shm"].map((suffix) => (statSync(path + suffix).mode & 0o777).toString(8));
  expect(modes).toEqual(["600", "600", "600"]);
  store.close();
});

test("an empty file, as a crash at the first moment leaves it, becomes a database", () => {
  using files = temporary();
  writeFileSync(files.at("memory.db"), "");
  const store = openStore(files.at("memory.db"), () => now);
  expect(store.append([record])).toEqual(["inserted"]);
  store.close();
});

test("saves are flushed to the disk, and the log is in write-ahead mode", () => {
  using files = temporary();
  const path = files.at("memory.db");
  const store = openStore(path, () => now);
  store.append([record]);
  const header = Bun.spawnSync(["head", "-c", "20", path]).stdout;
  expect([header[18], header[19]]).toEqual([2, 2]);
  store.close();
});

test("closing one store leaves the locks of another in the same process", () => {
  using files = temporary();
  const path = files.at("memory.db");
  const store = openStore(path, () => now);
  store.append([record]);
  openStore(path, () => now).close();
  const script = `
    const { Database } = require("bun:sqlite");
    const db = new Database(${JSON.stringify(path)});
    db.run("pragma locking_mode = exclusive");
    try { db.query("select * from record").get(); console.log("alone"); } catch (error) { console.log(error.code); }`;
  const other = Bun.spawnSync([process.execPath, "-e", script]);
  expect(String(other.stdout)).toBe("SQLITE_BUSY\n");
  store.close();
});

test("closing the last store leaves one file that holds everything", () => {
  using files = temporary();
  const path = files.at("memory.db");
  const store = openStore(path, () => now);
  store.append([record]);
  store.search("memory", {}, now, 5);
  store.close();
  expect(() => statSync(`${path}-wal`)).toThrow("ENOENT");
  expect(Bun.spawnSync(["grep", "-c", "a memory to be found", path]).exitCode).toBe(0);
});

test("what keeps a database from being opened is said with its path", () => {
  using files = temporary();
  mkdirSync(files.at("is-a-directory"));
  writeFileSync(files.at("garbage"), "no database ".repeat(1000));
  expect(() => openStore(files.at("nowhere/memory.db"), () => now)).toThrow(
    expect.objectContaining({ code: "unavailable", message: expect.stringContaining("nowhere/memory.db") }),
  );
  expect(() => openStore(files.at("is-a-directory"), () => now)).toThrow(
    expect.objectContaining({ code: "unavailable" }),
  );
  expect(() => openStore(files.at("garbage"), () => now)).toThrow(
    expect.objectContaining({ code: "corrupt", hint: expect.stringContaining("doctor --repair") }),
  );
});

const damages: [damage: string, change: (path: string) => void][] = [
  [
    "gone",
    (path) => {
      const db = new Database(path);
      db.run("drop table search_index_1");
      db.close();
    },
  ],
  [
    "overwritten in part",
    (path) => {
      const db = new Database(path);
      const [page] = db
        .query<{ pageno: number }, []>(
          "select max(pageno) as pageno from dbstat where name = 'search_index_1_data' and pagetype = 'leaf'",
        )
        .all();
      db.close();
      const bytes = readFileSync(path);
      const at = bytes.indexOf("memori", (page!.pageno - 1) * 4096);
      expect(at).toBeGreaterThan(0);
      writeFileSync(path, bytes.fill(0xff, at - 2, at + 100));
    },
  ],
];
for (const [damage, change] of damages) {
  test.each(["search", "save"])(`search tables that are ${damage} are made anew by the %s that finds out`, (meets) => {
    using files = temporary();
    const path = files.at("memory.db");
    const before = openStore(path, () => now);
    before.append(Array.from({ length: 50 }, (_, i) => observation(idOf(`${i}`), { content: `memory number ${i}` })));
    before.close();
    change(path);
    const store = openStore(path, () => now);
    if (meets === "save")
      for (let i = 0; i < 40; i++) store.append([observation(idOf(`later ${i}`), { content: "memory" })]);
    expect(store.search("memory number 7", {}, now, 5).hits[0]?.observation.content).toBe("memory number 7");
    store.close();
    expect(inspect(path).problems).toEqual([]);
  });
}

test("projections that are gone are made anew on demand", () => {
  using files = temporary();
  const path = files.at("memory.db");
  const store = openStore(path, () => now);
  store.append([record, observation(idOf("two"), { supersedes: [record.id] })]);
  const db = new Database(path);
  db.run("delete from observation");
  db.run("delete from supersession");
  db.close();
  expect(store.observation(record.id, now)).toBeUndefined();
  expect(store.rebuild()).toBe(2);
  expect(store.observation(record.id, now)?.state).toBe("superseded");
  store.close();
});
