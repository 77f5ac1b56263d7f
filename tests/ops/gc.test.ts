import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { timestamp } from "../../src/core/time.ts";
import type { Record } from "../../src/core/record.ts";
import { idOf, observation, tombstone } from "../store/records.ts";
import { world } from "../world.ts";

const day = 86_400_000;
type World = ReturnType<typeof world>;

function put(w: World, ...records: Record[]): void {
  const { context, close } = w.context();
  context.store().append(records);
  close();
}

function recordOf(w: World, kind: "observation" | "tombstone" | "erasure", id: string): Record | undefined {
  const { context, close } = w.context();
  const record = context.store().record(kind, id);
  close();
  return record;
}

async function gc(w: World, ...argv: string[]) {
  return JSON.parse((await w.kioku(["gc", ...argv, "--json"])).out);
}

/** Whether a text is anywhere in the files of the memory. */
function onDisk(w: World, text: string): boolean {
  const state = join(w.home, ".local/share/mesh-mem");
  return readdirSync(state).some((name) => readFileSync(join(state, name)).includes(text));
}

test("erases content, keeps id and digest, and lets nothing bring it back", async () => {
  using w = world();
  const id = await w.save("a secret worth forgetting");
  const before = recordOf(w, "observation", id)!;
  await w.kioku(["delete", id, "-r", "a reason worth forgetting"]);
  expect(await gc(w, "--retention-days", "0")).toMatchObject({ tombstones: 1, erased: 1 });
  const after = recordOf(w, "observation", id)!;
  expect([after.payload, Buffer.compare(after.digest, before.digest)]).toEqual([null, 0]);
  for (const text of ["secret worth", "reason worth"]) expect(onDisk(w, text)).toBe(false);
  put(w, before);
  expect(recordOf(w, "observation", id)!.payload).toBeNull();
  expect((await w.kioku(["search", "secret"])).out).toBe("No matching memories.\n");
});

test("retention counts from the later of the deletion and the moment this host learned of it", async () => {
  using w = world();
  const [late, skewed] = [idOf("late"), idOf("skewed")];
  put(w, observation(late), tombstone(late, timestamp(w.clock.now.getTime() - 100 * day)));
  put(w, observation(skewed), tombstone(skewed, timestamp(w.clock.now.getTime() + 10 * day)));
  expect((await gc(w)).tombstones).toBe(0);
  w.pass(30 * day);
  expect((await gc(w)).tombstones).toBe(1);
  expect(recordOf(w, "observation", skewed)!.payload).not.toBeNull();
  w.pass(10 * day);
  expect((await gc(w)).tombstones).toBe(1);
});

test("expiry first withdraws, as of the moment the time was over, and is erased a retention later", async () => {
  using w = world();
  const id = await w.save("short-lived", "--ttl", "1h", "-p", "demo");
  await w.save("unlimited", "-p", "demo");
  w.pass(day);
  expect(await gc(w, "-p", "other")).toMatchObject({ expired: 0 });
  const withdrawn = await w.kioku(["gc"]);
  expect(withdrawn.err).toBe("withdrew 1 observations whose time was over\n");
  expect(withdrawn.out).toBe("retention 30-day sweep: physically deleted 0 tombstones / 0 shadows (revived 0)\n");
  expect(JSON.parse(recordOf(w, "tombstone", id)!.payload!)).toEqual({
    observation_id: id,
    reason: "expired",
    deleted_at: "2026-11-22T07:38:15.659000Z",
  });
  expect((await w.kioku(["get-memory", id])).out).toContain("state: tombstoned\n");
  w.pass(30 * day);
  expect(await gc(w)).toMatchObject({ tombstones: 1, expired: 0 });
  expect((await w.kioku(["search"])).out).toContain("unlimited");
});

test("a tombstone whose observation never came is swept too, but not for a project nobody knows", async () => {
  using w = world();
  put(w, tombstone(idOf("orphan")));
  w.pass(30 * day);
  expect((await gc(w, "-p", "demo")).tombstones).toBe(0);
  expect((await gc(w)).tombstones).toBe(1);
  put(w, observation(idOf("orphan")));
  expect(recordOf(w, "observation", idOf("orphan"))!.payload).toBeNull();
});

test("what is hidden on this host alone is never erased", async () => {
  using w = world();
  const id = idOf("shadow");
  const { context, close } = w.context();
  context.store().append([observation(id, { expires_at: "2026-01-03T00:00:00.000000Z" })]);
  context.store().hide([id], "2026-01-03T00:00:00.000000Z");
  close();
  expect(await gc(w, "--retention-days", "0")).toMatchObject({ tombstones: 0, expired: 0 });
  expect(recordOf(w, "observation", id)!.payload).not.toBeNull();
});

test("--force-id of an id that is not here blocks it for ever", async () => {
  using w = world();
  const id = idOf("not yet here");
  const { out, err, exitCode } = await w.kioku(["gc", "--force-id", id]);
  expect([out, exitCode]).toEqual([`observation_id ${id} not present on this replica.\n`, 0]);
  expect(err).toBe("note: it is blocked now: content of this id is never accepted\n");
  put(w, observation(id));
  expect(recordOf(w, "observation", id)!.payload).toBeNull();
  expect((await w.kioku(["get-memory", id])).exitCode).toBe(1);
});

test("--force-id takes no prefix, and no other case", async () => {
  using w = world();
  const id = await w.save("x");
  for (const wrong of [id.slice(0, 8), `${id.slice(0, 31)}g`, `${id}0`]) {
    const { err, exitCode } = await w.kioku(["gc", "--force-id", wrong]);
    expect([err, exitCode]).toEqual(["--force-id requires a full 32-character observation_id.\n", 2]);
  }
  expect((await w.kioku(["search"])).out).toContain(id);
});

/** A memory with observations of another host. */
function imported(w: World): string {
  const pc_id = idOf("boreas");
  const of = (name: string, more: object = {}) => observation(idOf(name), { pc_id, session_id: "s'1", ...more });
  put(w, of("a"), of("b", { session_id: "t-2" }), of("c"), observation(idOf("elsewhere")));
  put(w, tombstone(idOf("c")));
  return pc_id;
}

test("--by-pc-id counts per session, and only --execute erases", async () => {
  using w = world();
  const pc_id = imported(w);
  const scan = `scanning mem/obs/** pc_id='${pc_id}'\nmatched obs: 3 entries\nsession breakdown:\n`;
  const sessions = `${'"s\'1"'.padStart(42)}: 2\n${"'t-2'".padStart(42)}: 1\n`;
  expect(await w.kioku(["gc", "--by-pc-id", pc_id])).toEqual({
    out: "Dry run — pass --execute to actually delete.\n",
    err: scan + sessions,
    exitCode: 0,
  });
  expect(await w.kioku(["gc", "--by-pc-id", pc_id, "--execute"])).toEqual({
    out: "",
    err: `${scan}${sessions}--execute requires interactive confirmation. Pass --yes for non-interactive use.\n`,
    exitCode: 2,
  });
  const question = `Physically delete 3 obs for pc_id=${pc_id}? type 'yes' to confirm: `;
  const cancelled = await w.kioku(["gc", "--by-pc-id", pc_id, "--execute"], { typed: ["n"] });
  expect([cancelled.out, cancelled.exitCode]).toEqual([question, 1]);
  const { out, exitCode } = await w.kioku(["gc", "--by-pc-id", pc_id, "--execute"], { typed: ["yes"] });
  expect([out, exitCode]).toEqual([
    `${question}physically deleted: obs=3, tombs=1, failures=0 (tomb sweep / broadcast skipped)\n`,
    0,
  ]);
  expect((await w.kioku(["search", "--json"])).out).toContain(`"count": 1`);
});

test("--session-prefix narrows --by-pc-id, literally", async () => {
  using w = world();
  const pc_id = imported(w);
  expect((await w.kioku(["gc", "--by-pc-id", pc_id, "--session-prefix", "t"])).err).toStartWith(
    `scanning mem/obs/** pc_id='${pc_id}' session_prefix='t'\nmatched obs: 1 entries\n`,
  );
  expect((await gc(w, "--by-pc-id", pc_id, "--session-prefix", "%")).matched).toBe(0);
  expect(await gc(w, "--by-pc-id", pc_id, "--session-prefix", "t", "--execute", "--yes")).toMatchObject({ erased: 1 });
});

test("--by-pc-id of an unknown host finds nothing, of this host or of no host is refused", async () => {
  using w = world();
  expect(await w.kioku(["gc", "--by-pc-id", idOf("nobody")])).toEqual({
    out: "no targets — no observations matched the pc_id.\n",
    err: `scanning mem/obs/** pc_id='${idOf("nobody")}'\nmatched obs: 0 entries\n`,
    exitCode: 0,
  });
  const { pc_id } = w.context().context.who();
  const own = await w.kioku(["gc", "--by-pc-id", pc_id, "--execute", "--yes"]);
  expect([own.out, own.err.split("\n")[0], own.exitCode]).toEqual([
    "",
    "--by-pc-id is not supported in local mode.",
    2,
  ]);
  const short = await w.kioku(["gc", "--by-pc-id", pc_id.slice(0, 8)]);
  expect([short.err, short.exitCode]).toEqual(["--by-pc-id requires a 32-character pc_id.\n", 2]);
});

test("force-id outranks by-pc-id, which outranks the sweep", async () => {
  using w = world();
  const pc_id = imported(w);
  const id = idOf("a");
  expect((await gc(w, "--force-id", id, "--by-pc-id", pc_id)).mode).toBe("force-id");
  expect((await gc(w, "--by-pc-id", pc_id, "--retention-days", "0")).mode).toBe("by-pc-id");
});

test("many are erased in steps, with progress", async () => {
  using w = world();
  const pc_id = idOf("boreas");
  put(w, ...Array.from({ length: 1200 }, (_, i) => observation(idOf(`many ${i}`), { pc_id })));
  const { err, out } = await w.kioku(["gc", "--by-pc-id", pc_id, "--execute", "--yes"]);
  expect(err.match(/progress: .*/g)).toEqual([
    "progress: 500/1200 (purged=500, fail=0)",
    "progress: 1000/1200 (purged=1000, fail=0)",
  ]);
  expect(out).toBe("physically deleted: obs=1200, tombs=0, failures=0 (tomb sweep / broadcast skipped)\n");
});
