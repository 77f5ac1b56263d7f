/** The databases of the Python program, by version, state and what can be wrong with them. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { payloadOf } from "../../src/core/observation.ts";
import { openSource } from "../../src/store/foreign/source.ts";
import { openStore } from "../../src/store/store.ts";
import { idOf, now, observation } from "../store/records.ts";
import { world } from "../world.ts";
import {
  database,
  fillIndex,
  index,
  indexSchema,
  indexVersions,
  openDatabase,
  payload,
  pending,
  raw,
  tombstonePayload,
} from "./python-databases.ts";

const deleted_at = "2026-02-01T00:00:00.123456Z";
const shadowed_at = "2026-03-01T00:00:00.654321Z";

/** Runs a command on a machine and gives its answer as data. */
async function imported(w: ReturnType<typeof world>, ...argv: string[]) {
  const { out, err, exitCode } = await w.kioku(["import", ...argv, "--json"]);
  if (out === "") throw new Error(err);
  return { ...JSON.parse(out), exitCode };
}

/** What the machine's database holds. */
function held(w: ReturnType<typeof world>) {
  const path = [".local/share/mesh-mem", ".local/share/kioku-mesh"]
    .map((name) => join(w.home, name, "memory.db"))
    .find((file) => existsSync(file))!;
  const store = openStore(path, () => now);
  return { store, [Symbol.dispose]: () => store.close() };
}

async function found(w: ReturnType<typeof world>, ...argv: string[]): Promise<string[]> {
  const { out } = await w.kioku(["search", ...argv, "--format", "json"]);
  return JSON.parse(out).map(({ observation_id }: { observation_id: string }) => observation_id);
}

describe.each([...indexVersions])("an index of schema %d", (version) => {
  test("gives its live rows to the byte, unknown fields and Japanese text too", async () => {
    using w = world();
    const strange = payload("strange", { _raw_memory_type: "bugfix", mood: { 気分: "良い" }, n: 1.5 });
    const rows = [
      { id: idOf("plain"), payload: payload("plain") },
      { id: idOf("strange"), payload: strange },
    ];
    index(join(w.home, ".local/share/mesh-mem/index.db"), version, rows);
    const { total, sources, exitCode } = await imported(w);
    expect([total.observations, total.present, exitCode]).toEqual([2, 0, 0]);
    expect(sources[0].name).toBe(`index, schema ${version}`);
    using here = held(w);
    expect(here.store.record("observation", idOf("strange"))!.payload).toBe(strange);
    expect(here.store.record("observation", idOf("plain"))!.payload).toBe(payload("plain"));
    expect((await found(w, "ゆらぎ")).toSorted()).toEqual([idOf("plain"), idOf("strange")].toSorted());
  });

  test("gives a deleted row as observation and tombstone, at the time it was deleted", async () => {
    using w = world();
    const row = { id: idOf("gone"), payload: payload("gone"), deleted_at };
    index(join(w.home, ".local/share/mesh-mem/local/index.db"), version, [row]);
    const { total } = await imported(w);
    expect([total.observations, total.tombstones]).toEqual([1, 1]);
    using here = held(w);
    expect(here.store.record("tombstone", row.id)!.payload).toBe(tombstonePayload("gone"));
    expect(here.store.observation(row.id, now)).toMatchObject({ state: "tombstoned", deleted_at });
    expect(await found(w)).toEqual([]);
  });
});

test("what an index shadowed is hidden on this host only, and withdrawn for nobody", async () => {
  using w = world();
  const row = { id: idOf("shadow"), payload: payload("shadow"), shadowed_at };
  index(join(w.home, ".local/share/mesh-mem/index.db"), 4, [row]);
  const { total } = await imported(w);
  expect([total.observations, total.hidden, total.tombstones]).toEqual([1, 1, 0]);
  expect(await found(w)).toEqual([]);
  using here = held(w);
  expect(here.store.observation(row.id, now)!.state).toBe("shadowed");
  expect(here.store.record("tombstone", row.id)).toBeUndefined();
  using other = world(); // to which it goes as any other record
  const path = other.files.file("sent.jsonl", (await w.kioku(["export"])).out.replace(/,"hidden_at":"[^"]+"/, ""));
  await other.kioku(["import", path]);
  expect(await found(other)).toEqual([row.id]);
});

test("what one index shadowed and another file shows is shown, whichever is read first", async () => {
  for (const places of [
    ["index.db", "local/index.db"],
    ["local/index.db", "index.db"],
  ]) {
    using w = world();
    const row = { id: idOf("seen"), payload: payload("seen") };
    index(join(w.home, ".local/share/mesh-mem", places[0]!), 4, [{ ...row, shadowed_at }]);
    index(join(w.home, ".local/share/mesh-mem", places[1]!), 4, [row]);
    expect((await imported(w)).total).toMatchObject({ observations: 1, hidden: 0, present: 1 });
    expect(await found(w)).toEqual([row.id]);
  }
});

test("what was deleted and shadowed is deleted", async () => {
  using w = world();
  index(join(w.home, "index.db"), 2, [{ id: idOf("both"), payload: payload("both"), deleted_at, shadowed_at }]);
  expect((await imported(w, join(w.home, "index.db"))).total).toMatchObject({ hidden: 0, tombstones: 1 });
  using here = held(w);
  expect(here.store.observation(idOf("both"), now)!.state).toBe("tombstoned");
});

test("a tombstone whose observation never came is kept, and applied when it comes", async () => {
  using w = world();
  index(join(w.home, "index.db"), 5, [{ id: idOf("late"), payload: null, deleted_at }]);
  expect((await imported(w, join(w.home, "index.db"))).total).toMatchObject({ observations: 0, tombstones: 1 });
  raw(join(w.home, "raw.db"), { observations: [{ id: idOf("late"), payload: payload("late") }] });
  await imported(w, join(w.home, "raw.db"));
  expect(await found(w)).toEqual([]);
});

test("superseded and expired rows are that, by what their payloads say", async () => {
  using w = world();
  index(join(w.home, "index.db"), 4, [
    { id: idOf("old"), payload: payload("old") },
    { id: idOf("new"), payload: payload("new", { supersedes: [idOf("old")] }) },
    { id: idOf("short"), payload: payload("short", { expires_at: "2026-05-01T00:00:00.000000Z" }) },
  ]);
  await imported(w, join(w.home, "index.db"));
  using here = held(w);
  const state = (name: string) => here.store.observation(idOf(name), now)!.state;
  expect(["old", "new", "short"].map(state)).toEqual(["superseded", "live", "expired"]);
});

test("a raw store gives payloads and reasons as they were saved, and tombstones without a payload", async () => {
  using w = world();
  const reason = tombstonePayload("gone", "間違い", "2026-02-03T00:00:00.000001Z");
  raw(join(w.home, ".local/share/kioku-mesh/local/raw.db"), {
    observations: [
      { id: idOf("kept"), payload: payload("kept") },
      { id: idOf("gone"), payload: payload("gone") },
    ],
    tombstones: [
      { id: idOf("gone"), payload: reason },
      { id: idOf("lost"), payload: tombstonePayload("lost") },
    ],
  });
  // The index beside it follows from it: it knows no reasons, and has written payloads anew.
  index(join(w.home, ".local/share/kioku-mesh/local/index.db"), 4, [
    { id: idOf("kept"), payload: payload("kept", { visibility: "" }) },
    { id: idOf("gone"), payload: payload("gone"), deleted_at: "2026-02-03T00:00:00.000001Z" },
  ]);
  expect((await imported(w)).total).toMatchObject({ observations: 2, tombstones: 2, present: 3 });
  using here = held(w);
  expect(here.store.record("tombstone", idOf("gone"))!.payload).toBe(reason);
  expect(here.store.record("observation", idOf("kept"))!.payload).toBe(payload("kept"));
  expect(here.store.record("tombstone", idOf("lost"))!.at).toBe(deleted_at);
  expect(await found(w)).toEqual([idOf("kept")]);
});

test("what could not be sent is taken in as it was queued", async () => {
  using w = world();
  pending(join(w.home, ".local/share/mesh-mem/pending_puts.db"), [
    { kind: "observation", id: idOf("queued"), payload: payload("queued") },
    { kind: "tombstone", id: idOf("gone"), payload: tombstonePayload("gone", "why") },
    { kind: "message", id: idOf("other"), payload: "{}" },
  ]);
  const { total, problems, exitCode } = await imported(w);
  expect([total.observations, total.tombstones, total.refused, exitCode]).toEqual([1, 1, 1, 1]);
  expect(problems).toMatchObject([{ where: "pending_puts row 3", message: "it is neither observation nor tombstone" }]);
  expect(await found(w)).toEqual([idOf("queued")]);
});

test("everything that versions of the program left on this machine is found", async () => {
  using w = world();
  const state = join(w.home, ".local/share");
  index(join(state, "mesh-mem/index.db"), 2, [{ id: idOf("one"), payload: payload("one") }]);
  index(join(state, "mesh-mem/local/index.db"), 2, [{ id: idOf("two"), payload: payload("two") }]);
  raw(join(state, "kioku-mesh/local/raw.db"), { observations: [{ id: idOf("three"), payload: payload("three") }] });
  pending(join(state, "kioku-mesh/pending_puts.db"), [
    { kind: "observation", id: idOf("four"), payload: payload("four") },
  ]);
  const { sources, total } = await imported(w);
  expect(sources.map(({ path }: { path: string }) => path.slice(state.length + 1))).toEqual([
    "kioku-mesh/local/raw.db",
    "kioku-mesh/pending_puts.db",
    "mesh-mem/local/index.db",
    "mesh-mem/index.db",
  ]);
  expect(total.observations).toBe(4);
  using elsewhere = world({ KIOKU_MESH_STATE_DIR: join(w.home, "own") });
  expect((await imported(elsewhere)).sources).toEqual([]);
});

test("importing again adds nothing", async () => {
  using w = world();
  index(join(w.home, "d/index.db"), 4, [
    { id: idOf("plain"), payload: payload("plain") },
    { id: idOf("gone"), payload: payload("gone"), deleted_at },
    { id: idOf("shadow"), payload: payload("shadow"), shadowed_at },
    { id: idOf("broken"), payload: "{" },
  ]);
  await imported(w, join(w.home, "d"));
  const before = (await w.kioku(["export"])).out;
  const { total } = await imported(w, join(w.home, "d"));
  expect(total).toMatchObject({ observations: 0, tombstones: 0, hidden: 0, unreadable: 0, present: 5, refused: 0 });
  expect((await w.kioku(["export"])).out).toBe(before);
  expect((await w.kioku(["import", join(w.home, "d")])).out).toEndWith("nothing new.\n");
});

test("an observation that was shown again here stays shown", async () => {
  using w = world();
  index(join(w.home, "index.db"), 4, [{ id: idOf("shadow"), payload: payload("shadow"), shadowed_at }]);
  await imported(w, join(w.home, "index.db"));
  {
    using here = held(w);
    here.store.unhide([idOf("shadow")]);
  }
  await imported(w, join(w.home, "index.db"));
  expect(await found(w)).toEqual([idOf("shadow")]);
});

describe("rows that are no records", () => {
  test("are refused one by one, and named", async () => {
    using w = world();
    const path = index(join(w.home, "index.db"), 4, [
      { id: "ABC", payload: payload("upper") },
      { id: idOf("empty"), payload: null },
      { id: idOf("bytes"), payload: Uint8Array.of(0x7b, 0xff, 0x7d) },
      { id: idOf("mismatch"), payload: payload("another") },
      { id: idOf("good"), payload: payload("good") },
    ]);
    const { total, problems, exitCode } = await imported(w, path);
    expect([total.observations, total.refused, exitCode]).toEqual([1, 4, 1]);
    expect(problems.map(({ where, message }: { where: string; message: string }) => `${where}: ${message}`)).toEqual([
      "obs_index row 1: its id is not 32 lowercase hex digits",
      "obs_index row 2: it has no payload",
      "obs_index row 3: its payload is no valid UTF-8",
      `obs_index row 4: its payload is of another id than ${idOf("mismatch")}`,
    ]);
    const { out } = await w.kioku(["import", path]);
    expect(out).toContain(`not imported: ${path}, obs_index row 2: it has no payload\n`);
  });

  test("are counted where they are many", async () => {
    using w = world();
    const rows = Array.from({ length: 30 }, (_, i) => ({ id: idOf(`${i}`), payload: null }));
    const path = index(join(w.home, "index.db"), 4, rows);
    const { total, problems } = await imported(w, path);
    expect([total.refused, problems.length]).toEqual([30, 20]);
    expect((await w.kioku(["import", path])).out).toContain("not imported: 10 more rows\n");
  });

  test("are kept where only their payload cannot be read: part of the set, seen by nobody", async () => {
    using w = world();
    const torn = payload("torn").slice(0, -20);
    const wordless = payloadOf({ observation_id: idOf("wordless"), reason: "", deleted_at });
    const path = index(join(w.home, "index.db"), 4, [
      { id: idOf("torn"), payload: torn },
      { id: idOf("wordless"), payload: wordless },
    ]);
    const { total, exitCode } = await imported(w, path);
    expect([total.observations, total.unreadable, exitCode]).toEqual([2, 2, 0]);
    expect(await found(w)).toEqual([]);
    using here = held(w);
    expect(here.store.record("observation", idOf("torn"))!.payload).toBe(torn);
    expect(here.store.fingerprint().count).toBe(2);
    expect(here.store.unread()).toEqual({ unknown: 0, unreadable: 2 });
  });
});

/** Names and content of all files in a directory, without what SQLite shares between processes. */
function snapshot(directory: string): { [name: string]: string } {
  const names = readdirSync(directory).toSorted();
  return Object.fromEntries(
    names.map((name) => [name, name.endsWith("-shm") ? "" : readFileSync(join(directory, name)).toString("hex")]),
  );
}

describe("a database that is read", () => {
  test("is not changed, and nothing is left beside it", async () => {
    using w = world();
    index(w.files.at("source/index.db"), 4, [{ id: idOf("plain"), payload: payload("plain") }]);
    const before = snapshot(w.files.at("source"));
    expect(Object.keys(before)).toEqual(["index.db"]);
    await imported(w, w.files.at("source"));
    expect(snapshot(w.files.at("source"))).toEqual(before);
  });

  test("may be open in a running program: what that has committed is seen, and it goes on", async () => {
    using w = world();
    const db = openDatabase(w.files.at("source/index.db"), indexSchema(4));
    fillIndex(db, [{ id: idOf("plain"), payload: payload("plain") }]);
    db.run("begin");
    fillIndex(db, [{ id: idOf("uncommitted"), payload: payload("uncommitted") }]);
    const before = snapshot(w.files.at("source"));
    expect((await imported(w, w.files.at("source"))).total.observations).toBe(1);
    expect(snapshot(w.files.at("source"))).toEqual(before);
    db.run("commit");
    expect((await imported(w, w.files.at("source"))).total.observations).toBe(1);
    db.close();
    expect((await found(w)).length).toBe(2);
  });

  test("may have been left by a program that died, with its last saves in the log alone", async () => {
    using w = world();
    const db = openDatabase(w.files.at("live/index.db"), indexSchema(4));
    fillIndex(db, [{ id: idOf("plain"), payload: payload("plain") }]);
    w.files.directory("restored");
    for (const suffix of ["", "-wal"]) {
      copyFileSync(w.files.at(`live/index.db${suffix}`), w.files.at(`restored/index.db${suffix}`));
    }
    db.close();
    const before = snapshot(w.files.at("restored"));
    expect((await imported(w, w.files.at("restored"))).total.observations).toBe(1);
    expect(snapshot(w.files.at("restored"))).toEqual(before);
  });

  test("may be in a directory where nothing can be written", async () => {
    using w = world();
    index(w.files.at("source/index.db"), 4, [{ id: idOf("plain"), payload: payload("plain") }]);
    chmodSync(w.files.at("source/index.db"), 0o400);
    chmodSync(w.files.at("source"), 0o500);
    expect((await imported(w, w.files.at("source"))).total.observations).toBe(1);
    chmodSync(w.files.at("source"), 0o700);
  });
});

describe("what cannot be read", () => {
  test("keeps nothing else from being taken in, and is named", async () => {
    using w = world();
    w.files.file("d/local/raw.db", "SQLite format 3\0 and then nothing of the kind".padEnd(5000, "x"));
    index(w.files.at("d/index.db"), 4, [{ id: idOf("plain"), payload: payload("plain") }]);
    const { total, failed, problems, exitCode } = await imported(w, w.files.at("d"));
    expect([total.observations, failed, exitCode]).toEqual([1, 1, 1]);
    expect(problems[0]).toMatchObject({ path: w.files.at("d/local/raw.db"), where: "" });
    expect((await w.kioku(["import", w.files.at("d")])).out).toContain(
      `not imported: ${w.files.at("d/local/raw.db")}: it is `,
    );
  });

  test("is read up to the damage", async () => {
    using w = world();
    const rows = Array.from({ length: 400 }, (_, i) => ({ id: idOf(`${i}`), payload: payload(`${i}`) }));
    const path = index(w.files.at("index.db"), 2, rows);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill("x", bytes.length / 2));
    const { total, failed, exitCode } = await imported(w, path);
    expect([failed, exitCode]).toEqual([1, 1]);
    expect(total.observations).toBeGreaterThan(0);
    expect(total.observations).toBeLessThan(400);
  });

  const wrong: { [what: string]: { make(path: string): unknown; status: number; message: string } } = {
    nothing: { make: () => {}, status: 3, message: "there is no such file or directory" },
    "a text of another kind": {
      make: (path) => writeFileSync(path, "# Notes\n"),
      status: 2,
      message: "it is neither a database nor JSON Lines",
    },
    "another program's database": {
      make: (path) => database(path, "create table t (x)", () => {}),
      status: 2,
      message: "it is a database of another program",
    },
    "a damaged database": {
      make: (path) => writeFileSync(path, "SQLite format 3\0".padEnd(4096, "x")),
      status: 7,
      message: "it is no database, or is encrypted or damaged",
    },
  };
  test.each(Object.entries(wrong))("says so of %s, with a status of its own", async (_, { make, status, message }) => {
    using w = world();
    const path = w.files.at("file");
    make(path);
    const { err, exitCode } = await w.kioku(["import", path]);
    expect(exitCode).toBe(status);
    expect(err).toContain(`${path}: ${message}`);
    expect(err).toContain("hint:");
  });

  test("says so of a directory without a database", async () => {
    using w = world();
    const { err, exitCode } = await w.kioku(["import", w.files.directory("empty")]);
    expect([err, exitCode]).toEqual([expect.stringContaining("there is no database in"), 3]);
  });

  test.skipIf(process.platform === "win32")("says so where it may not be read [needs file modes]", async () => {
    using w = world();
    const path = index(w.files.at("closed/index.db"), 4, [{ id: idOf("plain"), payload: payload("plain") }]);
    chmodSync(path, 0);
    chmodSync(w.files.at("closed"), 0o755);
    chmodSync(w.home, 0o755);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid!(65534); // to whom it is closed, as it is not to root
    try {
      expect(() => openSource(path)).toThrow(`${path}: it may not be read`);
    } finally {
      if (isRoot) process.seteuid!(0);
    }
  });
});

describe("a dry run", () => {
  test("says what would be imported, and leaves no trace", async () => {
    using w = world();
    index(join(w.home, ".local/share/mesh-mem/index.db"), 4, [
      { id: idOf("plain"), payload: payload("plain") },
      { id: idOf("gone"), payload: payload("gone"), deleted_at },
      { id: idOf("shadow"), payload: payload("shadow"), shadowed_at },
      { id: idOf("torn"), payload: "{" },
      { id: "x", payload: "{}" },
    ]);
    const foretold = await imported(w, "--dry-run");
    expect(readdirSync(join(w.home, ".local/share/mesh-mem"))).toEqual(["index.db"]);
    expect((await w.kioku(["import", "--dry-run"])).out).toContain("would import: 4 observations, 1 tombstone, ");
    const done = await imported(w);
    expect({ ...foretold, dry_run: false }).toEqual(done);
  });

  test("foretells against what is here, and what files have twice", async () => {
    using w = world();
    const row = { id: idOf("plain"), payload: payload("plain") };
    index(w.files.at("d/index.db"), 4, [row, { id: idOf("more"), payload: payload("more") }]);
    raw(w.files.at("d/raw.db"), { observations: [{ id: idOf("more"), payload: payload("more") }] });
    index(w.files.at("first.db"), 4, [row]);
    await imported(w, w.files.at("first.db"));
    const { total } = await imported(w, w.files.at("d"), "--dry-run");
    expect([total.observations, total.present]).toEqual([1, 2]);
  });
});

describe("a second database of this program", () => {
  test("is merged from its directory, hidden states and times of learning too", async () => {
    using w = world();
    using other = world();
    await other.save("from the other one");
    const id = await other.save("deleted there");
    await other.kioku(["delete", id]);
    const directory = join(other.home, ".local/share/mesh-mem");
    expect((await imported(w, directory)).total).toMatchObject({ observations: 2, tombstones: 1, present: 0 });
    expect((await w.kioku(["export"])).out).toBe((await other.kioku(["export"])).out);
  });

  test("is refused where it is the one in use", async () => {
    using w = world();
    await w.save("here");
    const path = join(w.home, ".local/share/mesh-mem/memory.db");
    const { err, exitCode } = await w.kioku(["import", path]);
    expect([err, exitCode]).toEqual([expect.stringContaining("is the database in use"), 2]);
    index(join(w.home, ".local/share/mesh-mem/index.db"), 4, []);
    expect((await imported(w, join(w.home, ".local/share/mesh-mem"))).sources.length).toBe(1);
  });

  test("is refused where a newer release made it", async () => {
    using w = world();
    using other = world();
    await other.save("from tomorrow");
    const path = join(other.home, ".local/share/mesh-mem/memory.db");
    const db = new Database(path);
    db.run("pragma user_version = 99");
    db.close();
    const { err, exitCode } = await w.kioku(["import", path]);
    expect([err, exitCode]).toEqual([expect.stringContaining("the database has schema 99"), 7]);
  });
});

test("a bar is drawn for whoever watches, and taken away at the end", async () => {
  using w = world();
  const rows = Array.from({ length: 300 }, (_, i) => ({ id: idOf(`${i}`), payload: payload(`${i}`) }));
  const path = index(w.files.at("index.db"), 4, rows);
  const { drawn, err } = await w.kioku(["import", path]);
  expect(drawn).toContain("\r[######------------------------]  21 %\u001b[K");
  expect(drawn).toEndWith("] 100 %\u001b[K\r\u001b[K");
  expect(err).toBe("");
  expect((await w.kioku(["import", path, "--json"])).drawn).toBeUndefined();
});

test("nothing to import is said, and no failure", async () => {
  using w = world();
  const { out, exitCode } = await w.kioku(["import"]);
  expect([out, exitCode]).toEqual(["nothing to import: there is no database of the Python program here.\n", 0]);
  rmSync(join(w.home, ".local"), { recursive: true, force: true });
});

test("a database of ours that a stranger has written brings in nothing that breaks the rules of a record", async () => {
  using w = world();
  const path = w.files.file("gift/memory.db");
  rmSync(path);
  const store = openStore(path, () => now);
  store.append([observation(idOf("good"))]);
  store.close();
  const db = new Database(path);
  const add = (kind: string, id: string, digest: Uint8Array, at: string) =>
    db.run("insert into record (kind, id, digest, at, learned_at, received) values (?, ?, ?, ?, 'never', 0)", [
      kind,
      id,
      digest,
      at,
    ]);
  const digest = new Uint8Array(32);
  add("observation", "../../etc", digest, now);
  add("observation", idOf("short"), digest.subarray(1), now);
  add("", idOf("kind"), digest, now);
  add("observation", idOf("time"), digest, "soon");
  db.close();
  const { total, problems } = await imported(w, path);
  expect([total.observations, total.refused]).toEqual([2, 3]);
  expect(problems.map(({ message }: { message: string }) => message)).toEqual([
    "its id is not 32 lowercase hex digits",
    "its digest is not of 32 bytes",
    "its kind is no word",
  ]);
  using here = held(w);
  expect(here.store.record("observation", idOf("time"))).toMatchObject({ at: "", payload: null });
});

test("a database whose tables are views is not read: what stands in them would be run", async () => {
  using w = world();
  const path = w.files.file("gift.db");
  rmSync(path);
  const db = new Database(path);
  db.run("create view obs_index as with recursive n(i) as (select 1 union all select i + 1 from n) select i from n");
  db.run("create table other (x)");
  db.close();
  const { err, exitCode } = await w.kioku(["import", path]);
  expect([err.split("\n")[0], exitCode]).toEqual([`error: ${path}: it is a database of another program`, 2]);
});
