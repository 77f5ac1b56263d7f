import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { isBusy, patiently, type Patience } from "../../src/store/patience.ts";
import { openStore } from "../../src/store/store.ts";
import { seeded } from "../random.ts";
import { temporary } from "../temporary.ts";
import { idOf, now, observation } from "./records.ts";

/** A clock that only sleeping moves. */
function waiting(limit = 30_000) {
  const chance = seeded(1);
  const clock = { at: 0, naps: [] as number[] };
  const patience: Patience = {
    limit,
    now: () => clock.at,
    sleep(milliseconds) {
      clock.at += milliseconds;
      clock.naps.push(milliseconds);
    },
    random: chance.next,
  };
  return { clock, patience };
}

const busy = Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });

test("asks again at random intervals until it gets the lock", () => {
  const { clock, patience } = waiting();
  let tries = 0;
  const work = () => {
    if (++tries < 50) throw busy;
    return "done";
  };
  expect(patiently(work, patience)).toBe("done");
  expect(tries).toBe(50);
  expect(clock.naps.every((nap) => nap >= 1 && nap < 10)).toBe(true);
  expect(new Set(clock.naps).size).toBeGreaterThan(40);
});

test("gives up after its limit, with what was in the way", () => {
  const { clock, patience } = waiting(30_000);
  expect(() =>
    patiently(() => {
      throw busy;
    }, patience),
  ).toThrow(busy);
  expect(clock.at).toBeGreaterThanOrEqual(30_000);
  expect(clock.at).toBeLessThan(30_020);
});

test("asks again only where another process is in the way", () => {
  const { clock, patience } = waiting();
  for (const code of ["SQLITE_FULL", "SQLITE_CORRUPT", "SQLITE_LOCKED", undefined]) {
    const error = Object.assign(new Error("no"), { code });
    expect(() =>
      patiently(() => {
        throw error;
      }, patience),
    ).toThrow(error);
  }
  expect(clock.naps).toEqual([]);
  const codes = ["SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY", "SQLITE_PROTOCOL"];
  expect(codes.map((code) => isBusy({ code }))).toEqual([true, true, true, true]);
});

test("twenty who ask for one lock all get it long before their limit", () => {
  // Each holds it for 5 ms; the rest ask at random. No one waits for more than a few times the fair share.
  const chance = seeded(11);
  const waits: number[] = [];
  for (let round = 0; round < 200; round++) {
    const next = Array.from({ length: 20 }, () => 10 * chance.next());
    let free = 0;
    for (let left = 20; left > 0;) {
      const i = next.indexOf(Math.min(...next));
      if (next[i]! >= free) {
        waits.push(next[i]!);
        free = next[i]! + 5;
        next[i] = Infinity;
        left--;
      } else next[i]! += 1 + 9 * chance.next();
    }
  }
  expect(Math.max(...waits)).toBeLessThan(1_000);
});

test("a lock that is never given up is an error that says so, after the limit; then the store works on", () => {
  using files = temporary();
  const path = files.at("memory.db");
  const { clock, patience } = waiting(200);
  const store = openStore(path, () => now, { patience });
  const other = new Database(path);
  other.run("begin immediate");
  const record = observation(idOf("one"));
  expect(() => store.append([record])).toThrow(expect.objectContaining({ code: "SQLITE_BUSY" }));
  expect(clock.at).toBeGreaterThanOrEqual(200);
  expect(store.list({}, now, 10)).toEqual([]); // reading was possible all the time
  other.run("rollback");
  expect(store.append([record])).toEqual(["inserted"]);
  other.close();
  store.close();
});

test("the write-ahead log stays bounded while readers overlap without end", async () => {
  using files = temporary();
  const path = files.at("memory.db");
  const store = openStore(path, () => now);
  store.append([observation(idOf("first"))]);
  const script = `
    const { Database } = require("bun:sqlite");
    const db = new Database(${JSON.stringify(path)});
    console.log("reading");
    for (;;) { db.run("begin"); db.query("select count(*) from record").get(); Bun.sleepSync(15); db.run("commit"); }`;
  const readers = Array.from({ length: 3 }, () =>
    Bun.spawn([process.execPath, "-e", script], { stdin: "ignore", stdout: "pipe", stderr: "inherit" }),
  );
  try {
    await Promise.all(readers.map((reader) => reader.stdout.getReader().read()));
    let largest = 0;
    for (let i = 0; i < 100; i++) {
      store.append([observation(idOf(`${i}`), { content: "a", "x-bulk": "b".repeat(500_000) })]);
      largest = Math.max(largest, statSync(`${path}-wal`).size);
    }
    expect(largest).toBeLessThan(40 * 1024 * 1024); // of 50 MB written, and without end
    expect(statSync(`${path}-wal`).size).toBeLessThan(24 * 1024 * 1024);
  } finally {
    for (const reader of readers) reader.kill();
    await Promise.all(readers.map((reader) => reader.exited));
    store.close();
  }
}, 60_000);
