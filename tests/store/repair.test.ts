import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Record } from "../../src/core/record.ts";
import { inspect } from "../../src/store/inspect.ts";
import { repair, type Repair } from "../../src/store/repair.ts";
import { openStore, recordOf, type Store } from "../../src/store/store.ts";
import { seeded } from "../random.ts";
import { erasure, idOf, now, observation, tombstone, unknown } from "./records.ts";
import { temporaryDirectory } from "./temporary.ts";

const directory = temporaryDirectory();
const pageSize = 4096;
const count = 400;

/** A database of all kinds of records, short and long, made once; each test damages a copy. */
const original = join(directory, "original.db");
const originals = fill(original);

function fill(path: string): Map<string, Record> {
  const chance = seeded(3);
  const records = Array.from({ length: count }, (_, i) => {
    const long = i % 40 === 0 ? 12_000 : chance.below(900);
    return observation(idOf(`${i}`), { content: `memory${i} ${"読む and write ".repeat(long / 15)}`, "x-later": i });
  });
  records.push(tombstone(idOf("0")), tombstone(idOf("1")), tombstone(idOf("not here")), erasure(idOf("2")));
  records.push(unknown(idOf("3"), "kept unread"), recordOf("observation", idOf("broken"), "no JSON"));
  const store = openStore(path, () => now);
  for (let i = 0; i < records.length; i += 25) store.append(records.slice(i, i + 25));
  store.hide([idOf("4")], now);
  store.setState("note", "of this host");
  store.purge();
  store.close();
  return new Map(records.map((record) => [`${record.kind} ${record.id}`, record]));
}

let copies = 0;
function copy(): string {
  const path = join(directory, `copy-${copies++}.db`);
  copyFileSync(original, path);
  return path;
}

/** The pages of some kind, counted from 1. */
function pagesOf(name: string, pagetype: string): number[] {
  const db = new Database(original);
  const rows = db
    .query<{ pageno: number }, [string, string]>("select pageno from dbstat where name = ? and pagetype = ?")
    .all(name, pagetype);
  db.close();
  return rows.map(({ pageno }) => pageno);
}

function overwrite(path: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  change(bytes);
  writeFileSync(path, bytes);
}

/** Repairs, and checks what must hold after any repair: the new database is sound and holds nothing that was not saved. */
function repaired(path: string): { result: Repair; store: Store; lost: string[] } {
  const damaged = readFileSync(path);
  const result = repair(path, now);
  expect(readFileSync(result.keptPath).equals(damaged)).toBe(true);
  expect(inspect(path)).toMatchObject({ problems: [], doubtful: [], astray: 0, counted: true });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const store = openStore(path, () => now);
  const rows = store.log.records(store.log.rows(0, 10_000).map(({ seq }) => seq));
  expect(rows).toHaveLength(result.records);
  for (const row of rows) {
    const saved = originals.get(`${row.kind} ${row.id}`)!;
    expect(saved).toBeDefined();
    if (row.payload !== null) expect(row.payload).toBe(saved.payload!);
    expect(Buffer.compare(row.digest, saved.digest)).toBe(0);
  }
  const here = new Set(rows.map(({ kind, id }) => `${kind} ${id}`));
  return { result, store, lost: [...originals.keys()].filter((key) => !here.has(key)) };
}

test("a sound database comes over whole: records, states, this host's notes, row numbers", () => {
  const path = copy();
  const before = openStore(path, () => now);
  const expected = { set: before.fingerprint(), rows: before.log.rows(0, 10_000) };
  before.close();
  const { result, store, lost } = repaired(path);
  expect(lost).toEqual([]);
  expect(result).toMatchObject({ records: originals.size, expected: originals.size, doubtful: 0, notes: true });
  expect({ set: store.fingerprint(), rows: store.log.rows(0, 10_000) }).toEqual(expected);
  const states = ["0", "2", "4", "5"].map((name) => store.observation(idOf(name), now)?.state);
  expect(states).toEqual(["tombstoned", undefined, "shadowed", "live"]);
  expect(store.state("note")).toBe("of this host");
  store.close();
});

const damages: [damage: string, change: (bytes: Buffer) => void, lost: number][] = [
  ["the first page is overwritten", (bytes) => bytes.fill(0xaa, 0, pageSize), 0],
  ["every page above the log's rows is overwritten", (bytes) => erasePages(bytes, "record", "internal"), 0],
  ["the search tables are overwritten", (bytes) => erasePages(bytes, "search_index_1_data", "leaf"), 0],
  ["the index over the log is overwritten", (bytes) => erasePages(bytes, "sqlite_autoindex_record_1", "leaf"), 0],
  ["the projections are overwritten", (bytes) => erasePages(bytes, "observation", "leaf"), 0],
];
for (const [damage, change, most] of damages) {
  test(`nothing is lost where ${damage}`, () => {
    const path = copy();
    overwrite(path, change);
    const { lost, store } = repaired(path);
    expect(lost).toHaveLength(most);
    store.close();
  });
}

function erasePages(bytes: Buffer, name: string, pagetype: string): void {
  const pages = pagesOf(name, pagetype);
  expect(pages.length).toBeGreaterThan(0);
  for (const page of pages) bytes.fill(0x55, (page - 1) * pageSize, page * pageSize);
}

test("of a truncated database all is saved whose pages are left, and the inspection names the damage", () => {
  const size = statSync(original).size;
  for (const part of [0.9, 0.5, 0.2]) {
    const path = copy();
    truncateSync(path, Math.floor(size * part));
    expect(problemsOf(path)).not.toEqual([]);
    const { lost, store } = repaired(path);
    const gone = pagesOf("record", "leaf").filter((page) => page * pageSize > Math.floor(size * part)).length;
    const long = pagesOf("record", "overflow").filter((page) => page * pageSize > Math.floor(size * part)).length;
    expect(lost.length).toBeLessThanOrEqual(40 * gone + long);
    if (part > 0.5) expect(lost.length).toBeLessThan(originals.size);
    store.close();
  }
});

for (const seed of Array.from({ length: 25 }, (_, i) => i + 1)) {
  test(`flipped bits cost no more than the records they hit (seed ${seed})`, () => {
    const chance = seeded(seed);
    const path = copy();
    const flips = 1 + chance.below(30);
    overwrite(path, (bytes) => {
      for (let i = 0; i < flips; i++) bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8);
    });
    const { result, lost, store } = repaired(path);
    // A flip hits one record, or the header of one page, which holds at most 40.
    expect(lost.length).toBeLessThanOrEqual(flips * 40);
    expect(result.doubtful).toBeLessThanOrEqual(lost.length);
    if (result.doubtful) {
      const lines = readFileSync(result.doubtfulPath!, "utf8").trimEnd().split("\n");
      expect(lines).toHaveLength(result.doubtful);
      expect(statSync(result.doubtfulPath!).mode & 0o777).toBe(0o600);
    }
    store.close();
  });
}

test("a flipped bit in a payload is found out, and the text is written down for a person to judge", () => {
  const path = copy();
  overwrite(path, (bytes) => {
    const at = bytes.indexOf("memory77 ");
    bytes[at]! ^= 4; // "m" becomes "i"
  });
  expect(inspect(path).doubtful).toEqual([idOf("77")]);
  const { result, lost, store } = repaired(path);
  expect(lost).toEqual([`observation ${idOf("77")}`]);
  expect(result).toMatchObject({ doubtful: 1, records: originals.size - 1, expected: originals.size });
  expect(readFileSync(result.doubtfulPath!, "utf8")).toContain("iemory77 ");
  store.close();
});

test("a flipped bit in a column beside the payload is mended from the payload", () => {
  const path = copy();
  overwrite(path, (bytes) => {
    // The last of the places where the id stands before its payload: the row itself.
    const payload = bytes.indexOf(`{"content": "memory88 `);
    const at = bytes.lastIndexOf(idOf("88"), payload);
    bytes[at]! ^= 1;
  });
  const { lost, store } = repaired(path);
  expect(lost).toEqual([]);
  store.close();
});

test("what was saved last, and is still in the write-ahead log, is saved too, also behind a damaged part of it", () => {
  const path = copy();
  const store = openStore(path, () => now);
  const late = Array.from({ length: 30 }, (_, i) => observation(idOf(`late-${i}`), { content: `late memory ${i}` }));
  for (const record of late) store.append([record]);
  const crashed = join(directory, "crashed.db");
  for (const suffix of ["", "-wal"]) Bun.spawnSync(["cp", path + suffix, crashed + suffix]);
  store.close();
  overwrite(crashed, (bytes) => bytes.fill(0xaa, 0, pageSize));
  overwrite(`${crashed}-wal`, (bytes) => (bytes[32 + 24 + 100]! ^= 1)); // in the first frame: SQLite would take none
  for (const record of late) originals.set(`${record.kind} ${record.id}`, record);
  try {
    const { lost, store: mended } = repaired(crashed);
    expect(lost).toEqual([]);
    expect(
      readdirSync(directory).filter((name) => name.startsWith("crashed.db.damaged") && name.endsWith("-wal")),
    ).toHaveLength(1);
    mended.close();
  } finally {
    for (const record of late) originals.delete(`${record.kind} ${record.id}`);
  }
});

test("a repair that was killed between removing the write-ahead log and putting its draft in place has lost nothing", () => {
  const path = copy();
  const late = observation(idOf("late"), { content: "saved last" });
  const store = openStore(path, () => now);
  store.append([late]);
  const killed = join(directory, "killed.db");
  for (const suffix of ["", "-wal"]) Bun.spawnSync(["cp", path + suffix, killed + suffix]);
  store.close();
  const damaged = readFileSync(killed); // without the log, in which the last save is
  repair(killed, now);
  copyFileSync(killed, `${killed}.repaired`);
  writeFileSync(killed, damaged);
  originals.set(`observation ${late.id}`, late);
  try {
    const { lost, store: mended } = repaired(killed);
    expect(lost).toEqual([]);
    mended.close();
  } finally {
    originals.delete(`observation ${late.id}`);
  }
});

test("erased content does not come back by a repair", () => {
  const path = copy();
  const store = openStore(path, () => now);
  store.append([erasure(idOf("50"))]); // not purged: the bytes are still in the file
  store.close();
  overwrite(path, (bytes) => bytes.fill(0xaa, 0, pageSize));
  originals.set(`erasure ${idOf("50")}`, erasure(idOf("50")));
  try {
    const { store: mended } = repaired(path);
    expect(mended.record("observation", idOf("50"))?.payload).toBeNull();
    mended.close();
  } finally {
    originals.delete(`erasure ${idOf("50")}`);
  }
});

test("a repair that was cut short does not disturb the next, and a second repair keeps the first one's file", () => {
  const path = copy();
  writeFileSync(`${path}.repaired`, "half of a database");
  const first = repair(path, now);
  const second = repair(path, now);
  expect(second.keptPath).not.toBe(first.keptPath);
  expect([first, second].every(({ keptPath }) => existsSync(keptPath))).toBe(true);
  expect(existsSync(`${path}.repaired`)).toBe(false);
});

test("refuses while another process has the database open", async () => {
  const path = copy();
  const script = `
    const { Database } = require("bun:sqlite");
    const db = new Database(${JSON.stringify(path)});
    db.query("select count(*) from record").get();
    console.log("open"); process.stdin.once("end", () => process.exit()).resume();`;
  const other = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  try {
    await other.stdout.getReader().read();
    expect(() => repair(path, now)).toThrow(/another process uses the database/);
    expect(existsSync(`${path}.repaired`)).toBe(false);
  } finally {
    other.kill();
    await other.exited;
  }
});

test("refuses a database of a newer schema, which is not damaged but unknown", () => {
  const path = copy();
  const db = new Database(path);
  db.run("pragma user_version = 99");
  db.close();
  expect(() => repair(path, now)).toThrow(/of a newer schema/);
  expect(inspect(path)).toMatchObject({ schema: 99, problems: [] });
});

test("a database whose version is damaged is repaired, as it cannot be of a release", () => {
  for (const version of [0, 0x40000001]) {
    const path = copy();
    overwrite(path, (bytes) => void bytes.writeInt32BE(version, 60));
    const { lost, store } = repaired(path);
    expect(lost).toEqual([]);
    store.close();
  }
});

test("a file in which no record can be read stays where it is", () => {
  const path = copy();
  writeFileSync(path, "not a database, nor ever one of ours ".repeat(300));
  expect(() => repair(path, now)).toThrow(/no record can be read/);
  expect(readFileSync(path, "utf8")).toStartWith("not a database");
  expect(readdirSync(directory).filter((name) => name.includes("repaired"))).toEqual([]);
});

test("a repair where there is no database says so", () => {
  expect(() => repair(join(directory, "nowhere.db"), now)).toThrow(/cannot be opened/);
});

function problemsOf(path: string): string[] {
  try {
    return inspect(path).problems;
  } catch (error) {
    return [String(error)];
  } finally {
    rmSync(`${path}-shm`, { force: true });
  }
}
