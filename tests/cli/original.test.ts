/** What scripts written for the Python original 0.3 rely on: its texts, exit statuses and streams, line by line. */
import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { world } from "../world.ts";

const hints =
  "hint: rows visible only in the local index (gc --by-pc-id matches 0) are\n" +
  "      better cleaned with: kioku-mesh --rebuild gc --retention-days 0 --project <name>\n";
const day = 86_400_000;

/** Two memories, as in the session that was captured from the original. */
async function remembered(w: ReturnType<typeof world>) {
  const first = await w.save(
    "Use tabs, not spaces\nsecond line",
    ..."-p demo --memory-type decision --importance 4 --references #1,PR#2".split(" "),
    "-t",
    "a, b",
  );
  w.pass(205);
  const second = await w.save("plain", "--subject", "S", "--summary", "sum");
  return { first, second };
}

test("init writes the configuration and says what is next", async () => {
  using w = world();
  const config = join(w.home, ".config/mesh-mem/config.yaml");
  expect(await w.kioku(["init", "--mode", "local"])).toEqual({
    out: `wrote ${config}\nlocal backend ready — no zenohd required.\nnext: kioku-mesh save "hello local"\n`,
    err: "",
    exitCode: 0,
  });
  expect(readFileSync(config, "utf8")).toBe("backend: local\n");
  expect(statSync(config).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(config)).mode & 0o777).toBe(0o700);
  expect(await w.kioku(["init"])).toEqual({
    out: "",
    err: `error: ${config} already exists. Use --force to overwrite.\n`,
    exitCode: 1,
  });
  writeFileSync(config, "backend: zenoh\nother: 1\n");
  expect((await w.kioku(["init", "--force"])).exitCode).toBe(0);
  expect(readFileSync(config, "utf8")).toBe("backend: local\n");
});

test("init --print shows the configuration, also where one exists, and writes nothing", async () => {
  using w = world();
  expect(await w.kioku(["init", "--print"])).toEqual({ out: "backend: local\n", err: "", exitCode: 0 });
  await w.kioku(["init"]);
  expect(await w.kioku(["init", "--mode", "local", "--print"])).toEqual({
    out: "backend: local\n",
    err: "",
    exitCode: 0,
  });
});

test("init --mode local has no use for --out, and says so beside its answer", async () => {
  using w = world();
  const config = join(w.home, ".config/mesh-mem/config.yaml");
  const { out, err, exitCode } = await w.kioku(["init", "--out", join(w.home, "elsewhere")]);
  expect([out.split("\n")[0], exitCode]).toEqual([`wrote ${config}`, 0]);
  expect(err).toBe(`note: --out is not used with --mode local; the configuration is ${config}\n`);
});

test("save prints the id, search both lines of each entry, newest first", async () => {
  using w = world();
  const { first, second } = await remembered(w);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(await w.kioku(["search"])).toEqual({
    out:
      `[note][2] 2026-11-22T06:38:15 S\nsum <id=${second}>\n---\n` +
      `[decision][4] 2026-11-22T06:38:15 (demo) (refs: #1, PR#2)\nUse tabs, not spaces\nsecond line <id=${first}>\n`,
    err: "",
    exitCode: 0,
  });
  expect((await w.kioku(["search", "tabs", "--format", "markdown"])).out).toBe(
    `- **[decision][4]** 2026-11-22T06:38 (demo) Use tabs, not spaces\nsecond line (refs: #1, PR#2) <id=${first}>\n`,
  );
  expect((await w.kioku(["search", "zzz"])).out).toBe("No matching memories.\n");
  expect((await w.kioku(["search", "zzz", "--format", "json"])).out).toBe("[]\n");
  expect((await w.kioku(["search", "zzz", "--format", "markdown"])).out).toBe("");
});

test("search --format json prints payloads in the original's order and spacing", async () => {
  using w = world();
  const { second } = await remembered(w);
  const { pc_id } = w.context().context.who();
  expect((await w.kioku(["search", "--format", "json", "-n", "1"])).out).toBe(
    `[{"content": "plain", "agent_family": "claude", "client_id": "claude-code", "pc_id": "${pc_id}", ` +
      `"session_id": "s-1", "project": "", "tags": [], "observation_id": "${second}", ` +
      `"created_at": "2026-11-22T06:38:15.864000Z", "memory_type": "note", "importance": 2, "subject": "S", ` +
      `"summary": "sum", "source_files": [], "references": [], "supersedes": [], "visibility": "mesh", ` +
      `"scope_id": "", "expires_at": ""}]\n`,
  );
});

test("get-memory prints every field, a dash for what is empty, and a state only when not live", async () => {
  using w = world();
  const { first } = await remembered(w);
  const text =
    `id: ${first}\nmemory_type: decision\nimportance: 4\ncreated_at: 2026-11-22T06:38:15.659000Z\nproject: demo\n` +
    "subject: -\nsummary: -\nagent: claude/claude-code\ntags: a, b\nsource_files: -\nreferences: #1, PR#2\n" +
    "supersedes: -\n";
  const content = "---\nUse tabs, not spaces\nsecond line\n";
  expect((await w.kioku(["get-memory", first])).out).toBe(text + content);
  await w.kioku(["delete", first]);
  expect((await w.kioku(["get-memory", first])).out).toBe(`${text}state: tombstoned\n${content}`);
});

test("an id of the wrong length and an unknown one are told apart", async () => {
  using w = world();
  for (const command of ["get-memory", "delete"]) {
    const short = await w.kioku([command, "abc"]);
    expect([short.out, short.err.split("\n")[0], short.exitCode]).toEqual([
      "",
      "observation_id must be a full 32-character match.",
      2,
    ]);
    const unknown = await w.kioku([command, "0".repeat(32)]);
    expect([unknown.out, unknown.err.split("\n")[0], unknown.exitCode]).toEqual([
      "",
      `observation_id ${"0".repeat(32)} not found.`,
      1,
    ]);
  }
});

test("delete withdraws one; deleting again succeeds and keeps the earlier time", async () => {
  using w = world();
  const { first } = await remembered(w);
  const deletedAt = () => {
    const { context, close } = w.context();
    const { deleted_at } = context.store().observation(first, "2027")!;
    close();
    return deleted_at;
  };
  expect(await w.kioku(["delete", first])).toEqual({ out: `deleted (tombstone): ${first}\n`, err: "", exitCode: 0 });
  const earlier = deletedAt();
  w.pass(day);
  expect(await w.kioku(["delete", first, "-r", "again"])).toEqual({
    out: `deleted (tombstone): ${first}\n`,
    err: "",
    exitCode: 0,
  });
  expect(deletedAt()).toBe(earlier);
});

test("bulk delete counts, wants --yes where nobody can answer, and deletes", async () => {
  using w = world();
  await remembered(w);
  const target = "bulk delete target: 1 entries (project='demo')\n";
  expect(await w.kioku(["delete", "-p", "demo", "--dry-run"])).toEqual({
    out: "Dry run — pass --yes to actually delete.\n",
    err: target + hints,
    exitCode: 0,
  });
  expect(await w.kioku(["delete", "-p", "demo"])).toEqual({
    out: "",
    err: `${target}bulk delete requires interactive confirmation. Pass --yes for non-interactive use.\n`,
    exitCode: 2,
  });
  const deleted = await w.kioku(["delete", "-p", "demo", "--yes", "-r", "cleanup"]);
  expect([deleted.out, deleted.exitCode]).toEqual(["deleted (tombstone): 1 entries\n", 0]);
  expect(deleted.err).toBe(`${target}  progress: 1/1 (ok=1, fail=0)\n${hints}`);
  expect(await w.kioku(["delete", "-p", "demo", "--yes"])).toEqual({
    out: "no targets — no observations matched the selector.\n",
    err: `bulk delete target: 0 entries (project='demo')\n${hints}`,
    exitCode: 0,
  });
  expect((await w.kioku(["search"])).out).toContain("sum <id=");
});

test("bulk delete asks a person, and only the word yes is one", async () => {
  using w = world();
  await remembered(w);
  const question = "Tombstone 1 entries? type 'yes' to confirm: ";
  for (const typed of [["no"], ["y"], []]) {
    const { out, err, exitCode } = await w.kioku(["delete", "-p", "demo"], { typed });
    expect([out, exitCode]).toEqual([question, 1]);
    expect(err).toEndWith("\ncancelled.\n");
  }
  const { out, exitCode } = await w.kioku(["delete", "-p", "demo"], { typed: [" yes "] });
  expect([out, exitCode]).toEqual([`${question}deleted (tombstone): 1 entries\n`, 0]);
});

test.each([
  [["ID", "-p", "demo"], "observation_id and bulk selector (--project/--pc-id/--since/--until) cannot be combined."],
  [["ID", "--dry-run"], "--dry-run is only valid for bulk delete."],
  [["ID", "--yes"], "--yes is only valid for bulk delete."],
  [[], "bulk delete requires one of --project/--pc-id/--since/--until."],
  [["--until", "someday"], "--until must be in ISO8601 format."],
  [["--since", "2026-02-31"], "--since must be in ISO8601 format."],
])("delete %j is refused", async (argv, message) => {
  using w = world();
  const id = await w.save("x", "-p", "demo");
  const ran = await w.kioku(["delete", ...argv.map((word) => (word === "ID" ? id : word))]);
  expect(ran).toEqual({ out: "", err: `${message}\n`, exitCode: 2 });
  expect((await w.kioku(["search"])).out).toContain(id);
});

test("status on the command line", async () => {
  using w = world();
  await remembered(w);
  const { pc_id } = w.context().context.who();
  expect(await w.kioku(["status"])).toEqual({
    out: [
      "kioku-mesh version: 1.2.3",
      "backend: local",
      `pc_id: ${pc_id}`,
      "session_id: s-1",
      "agent_family: claude (from MESH_MEM_AGENT_FAMILY)",
      "client_id: claude-code (from MESH_MEM_CLIENT_ID)",
      "zenoh_session: n/a",
      "last_put_at_iso: -",
      "last_put_status: n/a",
      "pending_puts: 0",
      "count (within limit 10000): 2",
      "  family claude: 2",
      `  pc ${pc_id.slice(0, 8)}: 2`,
      "",
    ].join("\n"),
    err: "",
    exitCode: 0,
  });
});

test("status tells a default from a finding, and names the variable that was set", async () => {
  using w = world({ MESH_MEM_AGENT_FAMILY: "", MESH_MEM_CLIENT_ID: "", USER: "me" });
  const plain = await w.kioku(["status"]);
  expect(plain.out).toContain("agent_family: unknown (default — set MESH_MEM_AGENT_FAMILY to override)\n");
  expect(plain.out).toMatch(/^client_id: me@\S+ \(default — set MESH_MEM_CLIENT_ID to override\)$/m);
  const found = await w.kioku(["status"], { env: { CLAUDECODE: "1", KIOKU_MESH_CLIENT_ID: "here" } });
  expect(found.out).toContain("agent_family: claude (auto-detected)\nclient_id: here (from KIOKU_MESH_CLIENT_ID)\n");
});

test("drain has nothing to do on a host of its own", async () => {
  using w = world();
  expect(await w.kioku(["drain"])).toEqual({ out: "", err: "drain currently only supports --pending.\n", exitCode: 2 });
  const drained = { out: "pending_puts drain complete: drained=0, remaining=0\n", err: "", exitCode: 0 };
  expect(await w.kioku(["drain", "--pending"])).toEqual(drained);
  expect(await w.kioku(["drain", "--pending", "--limit", "5"])).toEqual(drained);
  expect((await w.kioku(["drain", "--pending", "--limit", "0"])).exitCode).toBe(2);
});

test("gc sweeps what was withdrawn longer ago than the retention", async () => {
  using w = world();
  const { first } = await remembered(w);
  const sweep = async (...argv: string[]) => (await w.kioku(["gc", ...argv])).out;
  expect(await sweep()).toBe("retention 30-day sweep: physically deleted 0 tombstones / 0 shadows (revived 0)\n");
  await w.kioku(["delete", first]);
  w.pass(29 * day);
  expect(await sweep()).toBe("retention 30-day sweep: physically deleted 0 tombstones / 0 shadows (revived 0)\n");
  w.pass(day);
  expect(await sweep("-p", "other")).toBe(
    "retention 30-day sweep (project=other): physically deleted 0 tombstones / 0 shadows (revived 0)\n",
  );
  expect(await sweep("-p", "demo", "--no-shadow-prune")).toBe(
    "retention 30-day sweep (project=demo): physically deleted 1 tombstones (shadow prune skipped)\n",
  );
  expect(await sweep("--retention-days", "0")).toBe(
    "retention 0-day sweep: physically deleted 0 tombstones / 0 shadows (revived 0)\n",
  );
  expect((await w.kioku(["get-memory", first])).exitCode).toBe(1);
});

test("gc --force-id says which parts it found", async () => {
  using w = world();
  const { first, second } = await remembered(w);
  await w.kioku(["delete", first]);
  const force = async (id: string) => {
    const { out, exitCode } = await w.kioku(["gc", "--force-id", id]);
    return [out, exitCode];
  };
  expect(await force(first)).toEqual([`physically deleted (obs, tomb): ${first}\n`, 0]);
  expect(await force(second)).toEqual([`physically deleted (obs): ${second}\n`, 0]);
  expect(await force(second)).toEqual([`observation_id ${second} not present on this replica.\n`, 0]);
  expect(await w.kioku(["gc", "--force-id", second.slice(0, 8)])).toEqual({
    out: "",
    err: "--force-id requires a full 32-character observation_id.\n",
    exitCode: 2,
  });
});

test("gc --retention-days -1 is refused in words", async () => {
  using w = world();
  const { out, err, exitCode } = await w.kioku(["gc", "--retention-days", "-1"]);
  expect([out, err, exitCode]).toEqual(["", "error: --retention-days must be at least 0, got -1\n", 2]);
});

test("doctor: the original's checks pass after init --mode local, and the JSON has its keys", async () => {
  using w = world();
  await w.kioku(["init", "--mode", "local"]);
  const { out, exitCode } = await w.kioku(["doctor", "--json"]);
  expect(exitCode).toBe(0);
  expect(out).toStartWith(
    '{"version": "1.2.3", "ok": true, "worst_status": "pass", "checks": [{"name": "config_file", ',
  );
  const { checks } = JSON.parse(out);
  expect(checks.map(({ name }: { name: string }) => name)).toContain("state_dir_hardlinks");
  for (const check of checks) expect(Object.keys(check)).toEqual(["name", "status", "summary", "hint", "details"]);
});

test("doctor without a configuration fails config_file, with a hint", async () => {
  using w = world();
  const { out, exitCode } = await w.kioku(["doctor"]);
  expect(exitCode).toBe(2);
  expect(out).toStartWith(
    `[FAIL] config_file — ${join(w.home, ".config/mesh-mem/config.yaml")} does not exist\n    hint: Write it: kioku-mesh init\n`,
  );
  expect(out).toEndWith("\n\nverdict: one or more checks failed\n");
});

test("the version, and no command at all", async () => {
  using w = world();
  expect(await w.kioku(["--version"])).toEqual({ out: "kioku-mesh 1.2.3\n", err: "", exitCode: 0 });
  const nothing = await w.kioku([]);
  expect([nothing.out, nothing.exitCode]).toEqual(["", 2]);
  expect(nothing.err).toContain("Usage: kioku-mesh");
});
