import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/store.ts";
import { idOf, now, observation, unknown } from "../store/records.ts";
import { world } from "../world.ts";

type World = ReturnType<typeof world>;
const config = ".config/mesh-mem";
const state = ".local/share/mesh-mem";

async function doctor(w: World, env: { [name: string]: string } = {}) {
  const { out, exitCode } = await w.kioku(["doctor", "--json"], { env });
  const { ok, worst_status, checks } = JSON.parse(out);
  const byName = Object.fromEntries(checks.map((check: { name: string }) => [check.name, check]));
  return { exitCode, ok, worst_status, byName };
}

/** A machine that is set up and has a memory. */
async function used(): Promise<World> {
  const w = world();
  await w.kioku(["init"]);
  await w.save("x");
  return w;
}

test("after init everything passes, before and after the first save", async () => {
  using w = world();
  await w.kioku(["init"]);
  expect(await doctor(w)).toMatchObject({ exitCode: 0, ok: true, worst_status: "pass" });
  await w.save("x");
  const { exitCode, byName } = await doctor(w);
  expect(exitCode).toBe(0);
  expect(Object.keys(byName)).toEqual([
    "config_file",
    "state_dir_hardlinks",
    "config_keys",
    "environment",
    "directories",
    "permissions",
    "host_id",
    "disk_space",
    "database_integrity",
    "database_schema",
    "records",
    "clock",
    "sqlite_version",
  ]);
  expect(byName.sqlite_version.details.version).toMatch(/^3\.\d+/);
});

test("creates nothing on a machine that has nothing", async () => {
  using w = world();
  expect((await doctor(w)).exitCode).toBe(2);
  expect(readdirSync(w.home)).toEqual([]);
});

test("changes nothing on a machine that is in use, and leaves no side files", async () => {
  using w = await used();
  const list = () =>
    readdirSync(join(w.home, state)).map((name) => [name, statSync(join(w.home, state, name)).mtimeMs]);
  const before = list();
  await doctor(w);
  expect(list()).toEqual(before);
});

test("reports on a state directory that cannot be written", async () => {
  using w = world();
  await w.kioku(["init"]);
  w.files.file("in-the-way");
  const { exitCode, byName } = await doctor(w, { MESH_MEM_STATE_DIR: join(w.home, "in-the-way/state") });
  expect(exitCode).toBe(2);
  expect(byName.state_dir_hardlinks).toMatchObject({ status: "fail", details: { error: "ENOTDIR" } });
});

test("reports without a home directory", async () => {
  using w = world({ HOME: "" });
  const { exitCode, byName } = await doctor(w);
  expect(exitCode).toBe(2);
  expect(byName.config_file).toMatchObject({ status: "fail", summary: "HOME is not set" });
});

describe("the configuration", () => {
  test.each([
    ["broken", "backend: [", "is no valid YAML"],
    ["of a newer version", "version: 9\nbackend: local", "is of version 9"],
  ])("%s fails", async (_, text, summary) => {
    using w = await used();
    writeFileSync(join(w.home, config, "config.yaml"), text);
    const { exitCode, byName } = await doctor(w);
    expect([exitCode, byName.config_file.status]).toEqual([2, "fail"]);
    expect(byName.config_file.summary).toContain(summary);
    expect(byName.config_file.hint).not.toBe("");
  });

  test("with keys of another release is a warning", async () => {
    using w = await used();
    writeFileSync(join(w.home, config, "config.yaml"), "backend: local\nmessaging: {}\n", { mode: 0o600 });
    const { exitCode, byName } = await doctor(w);
    expect([exitCode, byName.config_keys.status, byName.config_keys.details]).toEqual([
      1,
      "warn",
      { keys: ["messaging"] },
    ]);
  });
});

test("variables without effect are a warning", async () => {
  using w = await used();
  const { exitCode, byName } = await doctor(w, { MESH_MEM_INDEX_DB: "/x" });
  expect([exitCode, byName.environment.summary]).toEqual([
    1,
    "MESH_MEM_INDEX_DB is ignored: the search tables are inside the database",
  ]);
});

test("what others can read is a warning, with the command that mends it", async () => {
  using w = await used();
  chmodSync(join(w.home, state), 0o750);
  chmodSync(join(w.home, state, "memory.db"), 0o640);
  const { exitCode, byName } = await doctor(w);
  expect([exitCode, byName.permissions.hint]).toEqual([
    1,
    `chmod go= ${join(w.home, state)} ${join(w.home, state, "memory.db")}`,
  ]);
  Bun.spawnSync(["sh", "-c", byName.permissions.hint]);
  expect((await doctor(w)).exitCode).toBe(0);
});

test("a second memory under the other name is a warning that says how to reach it", async () => {
  using w = await used();
  mkdirSync(join(w.home, ".local/share/kioku-mesh"));
  expect((await doctor(w)).exitCode).toBe(0);
  w.files.file(".local/share/kioku-mesh/memory.db");
  const { byName } = await doctor(w);
  expect(byName.directories).toMatchObject({ status: "warn", hint: expect.stringContaining(state) });
});

describe("the database", () => {
  test("that is none fails", async () => {
    using w = await used();
    writeFileSync(join(w.home, state, "memory.db"), "not a database, but long enough to be taken for one ".repeat(50));
    const { exitCode, byName } = await doctor(w);
    expect([exitCode, byName.database_integrity.status]).toEqual([2, "fail"]);
    expect(byName.database_integrity.hint).toContain("doctor");
  });

  test("of a newer schema fails, untouched", async () => {
    using w = await used();
    const db = new Database(join(w.home, state, "memory.db"));
    db.run("pragma user_version = 99");
    db.close();
    const { exitCode, byName } = await doctor(w);
    expect([exitCode, byName.database_schema.status, byName.database_schema.details.schema]).toEqual([2, "fail", 99]);
    const { err, exitCode: refused } = await w.kioku(["search"]);
    expect([refused, err.includes("install a newer release")]).toEqual([7, true]);
  });

  /** Memories in a database whose file is then changed. */
  async function damaged(change: (bytes: Buffer) => void): Promise<World> {
    const w = await used();
    for (let i = 0; i < 20; i++) await w.save(`memory number ${i}`);
    const path = join(w.home, state, "memory.db");
    const bytes = readFileSync(path);
    change(bytes);
    writeFileSync(path, bytes);
    return w;
  }

  test("that is damaged is named, repaired on demand, and kept", async () => {
    using w = await damaged((bytes) => bytes.fill(0xaa, 0, 4096));
    const before = await doctor(w);
    expect([before.exitCode, before.byName.database_integrity.status]).toEqual([2, "fail"]);
    expect(before.byName.database_integrity.hint).toContain("doctor --repair");
    const { out, exitCode } = await w.kioku(["doctor", "--repair", "--json"]);
    const { repair, worst_status } = JSON.parse(out);
    expect([exitCode, worst_status]).toEqual([0, "pass"]);
    expect(repair).toMatchObject({ action: "repair", records: 21, doubtful: 0 });
    expect(existsSync(repair.kept_path)).toBe(true);
    expect((await w.kioku(["search", "memory number 7"])).out).toContain("memory number 7");
  });

  test("that looks sound after a repair that was killed is repaired all the same, with what only its draft has", async () => {
    using w = await used();
    const path = join(w.home, state, "memory.db");
    const draft = openStore(`${path}.repaired`, () => now);
    draft.append([observation(idOf("late"), { content: "saved last" })]);
    draft.close();
    expect((await w.kioku(["doctor", "--repair"])).out).toMatch(/^repair: 2 of 1 records are in a new database/);
    expect((await w.kioku(["search", "last"])).out).toContain("saved last");
    expect((await w.kioku(["doctor", "--repair"])).out).toContain("there is nothing to repair");
  });

  test("with a changed payload leaves that one out, and says where to read it", async () => {
    using w = await damaged((bytes) => void (bytes[bytes.indexOf(`"memory number 7"`) + 1]! ^= 4));
    expect((await doctor(w)).byName.database_integrity.summary).toBe(
      "the database is damaged: 1 records are not what was saved",
    );
    const { out } = await w.kioku(["doctor", "--repair"]);
    expect(out).toMatch(
      /^repair: 20 of 21 records are in a new database\. The damaged one is kept: .*memory\.db\.damaged-/,
    );
    const path = /read them in (.*)$/m.exec(out)![1]!;
    expect(readFileSync(path, "utf8")).toContain("iemory number 7");
  });

  test("whose projections have gone astray is a warning; they are made anew from the log", async () => {
    using w = await used();
    const db = new Database(join(w.home, state, "memory.db"));
    db.run("delete from observation");
    db.close();
    const { exitCode, byName } = await doctor(w);
    expect([exitCode, byName.database_integrity.status]).toEqual([1, "warn"]);
    expect((await w.kioku(["doctor", "--repair"])).out).toContain("were made anew from the log");
    expect((await doctor(w)).exitCode).toBe(0);
    expect((await w.kioku(["doctor", "--repair"])).out).toContain("there is nothing to repair");
  });

  test("with records that this build cannot read is a warning", async () => {
    using w = await used();
    const { context, close } = w.context();
    context.store().append([unknown(idOf("u"), "{}"), observation(idOf("malformed"), { content: 7 as never })]);
    close();
    const { byName } = await doctor(w);
    expect(byName.records).toMatchObject({ status: "warn", details: { count: 2 } });
  });
});

describe("the clock", () => {
  test("that is behind the log is a warning", async () => {
    using w = await used();
    w.pass(-3_600_000);
    expect((await doctor(w)).byName.clock.status).toBe("warn");
  });

  test("of before this program was made fails", async () => {
    using w = world();
    w.clock.now = new Date(0);
    expect((await doctor(w)).byName.clock.status).toBe("fail");
  });
});

test("a host id that is none fails", async () => {
  using w = await used();
  writeFileSync(join(w.home, state, "pc_id"), "");
  const { byName } = await doctor(w);
  expect(byName.host_id).toMatchObject({ status: "fail", hint: expect.stringContaining("delete it") });
});

test("the text has a line per check, hints below, and the verdict", async () => {
  using w = world();
  const { out } = await w.kioku(["doctor"]);
  const lines = out.trimEnd().split("\n");
  expect(lines.filter((line) => /^\[(PASS|WARN|FAIL)\] \w+ — ./.test(line)).length).toBeGreaterThan(8);
  expect(lines.slice(-2)).toEqual(["", "verdict: one or more checks failed"]);
  expect(existsSync(join(w.home, ".local"))).toBe(false);
});
