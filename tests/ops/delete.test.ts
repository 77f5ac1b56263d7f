import { expect, test } from "bun:test";
import { idOf, observation } from "../store/records.ts";
import { world } from "../world.ts";

/** Puts observations into a machine's memory as they would come from anywhere. */
function put(w: ReturnType<typeof world>, ...records: ReturnType<typeof observation>[]): void {
  const { context, close } = w.context();
  context.store().append(records);
  close();
}

const at = (created_at: string, more = {}) => observation(idOf(created_at), { created_at, project: "p", ...more });

/** The ids of what is left, by their creation times. */
async function left(w: ReturnType<typeof world>): Promise<string[]> {
  const { observations } = JSON.parse((await w.kioku(["search", "--include-superseded", "--json"])).out);
  return observations.map((entry: { created_at: string }) => entry.created_at).toSorted();
}

test("pages through everything, however small the batch and however equal the times", async () => {
  using w = world();
  const same = "2026-01-01T00:00:00.000000Z";
  put(w, ...Array.from({ length: 25 }, (_, i) => observation(idOf(`same ${i}`), { created_at: same, project: "p" })));
  const { out, err, exitCode } = await w.kioku(["delete", "-p", "p", "--yes", "--batch-size", "10"]);
  expect([out, exitCode]).toEqual(["deleted (tombstone): 25 entries\n", 0]);
  expect(err.match(/progress: .*/g)).toEqual([
    "progress: 10/25 (ok=10, fail=0)",
    "progress: 20/25 (ok=20, fail=0)",
    "progress: 25/25 (ok=25, fail=0)",
  ]);
  expect(await left(w)).toEqual([]);
});

test("times are compared as times: offsets, fractions, whole days", async () => {
  using w = world();
  const times = [
    "2026-01-01T23:30:00.000000Z",
    "2026-01-02T00:30:00.000000Z",
    "2026-01-02T23:59:59.999999Z",
    "2026-01-03T00:00:00.000000Z",
  ];
  put(w, ...times.map((time) => at(time)));
  const count = async (...argv: string[]) =>
    JSON.parse((await w.kioku(["delete", ...argv, "--dry-run", "--json"])).out).matched;
  expect(await count("--since", "2026-01-02")).toBe(3);
  expect(await count("--until", "2026-01-02")).toBe(3);
  expect(await count("--since", "2026-01-02", "--until", "2026-01-02")).toBe(2);
  expect(await count("--since", "2026-01-02T09:00:00+09:00", "--until", "2026-01-02T23:59:59Z")).toBe(2);
  expect(await count("--since", "1d")).toBe(0);
});

test("takes the superseded and the expired along, leaves the rest", async () => {
  using w = world();
  const [old, fresh] = ["2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"];
  put(
    w,
    at(old),
    at(fresh, { supersedes: [idOf(old)] }),
    at("2026-01-03T00:00:00.000000Z", { expires_at: "2026-02-01T00:00:00.000000Z" }),
  );
  put(w, at("2026-01-04T00:00:00.000000Z", { project: "other" }));
  expect((await w.kioku(["delete", "-p", "p", "--yes"])).out).toBe("deleted (tombstone): 3 entries\n");
  expect(await left(w)).toEqual(["2026-01-04T00:00:00.000000Z"]);
});

test("selectors narrow each other", async () => {
  using w = world();
  put(w, at("2026-01-01T00:00:00.000000Z"), at("2026-01-02T00:00:00.000000Z", { pc_id: idOf("boreas") }));
  await w.kioku(["delete", "-p", "p", "--pc-id", idOf("boreas"), "--yes"]);
  expect(await left(w)).toEqual(["2026-01-01T00:00:00.000000Z"]);
});

test("names the selectors as the original quotes them", async () => {
  using w = world();
  const argv = ["-p", "it's \\ \n", "--pc-id", "x", "--since", "2026-01-01", "--until", '"'];
  expect((await w.kioku(["delete", ...argv.slice(0, -2), "--dry-run"])).err).toStartWith(
    `bulk delete target: 0 entries (project="it's \\\\ \\n", pc_id='x', since='2026-01-01')\n`,
  );
});

test("project . outside of a repository deletes nothing: it would mean everything without a project", async () => {
  using w = world();
  const id = await w.save("x");
  const { err, exitCode } = await w.kioku(["delete", "-p", ".", "--yes"]);
  expect([err.split("\n")[0], exitCode]).toEqual(["error: project `.` names no project here", 2]);
  expect((await w.kioku(["search"])).out).toContain(id);
  w.files.file("repo/.git/config", '[remote "origin"]\n\turl = https://x/app.git\n');
  await w.save("y", "-p", "app");
  const directory = w.files.directory("repo/src");
  expect((await w.kioku(["delete", "-p", ".", "--yes"], { directory })).out).toBe("deleted (tombstone): 1 entries\n");
});

test("a unique prefix of 8 or more digits is as good as the id, in any case; an ambiguous one is refused", async () => {
  using w = world();
  const ids = ["aaaaaaaa1", "aaaaaaaa2", "bbbbbbbb3"].map((digits) => digits.padEnd(32, "0"));
  put(w, ...ids.map((id) => observation(id)));
  expect((await w.kioku(["delete", "BBBBBBBB"])).out).toBe(`deleted (tombstone): ${ids[2]}\n`);
  expect((await w.kioku(["get-memory", "bbbbbbbb"])).out).toStartWith(`id: ${ids[2]}\n`);
  const ambiguous = await w.kioku(["delete", "aaaaaaaa"]);
  expect([ambiguous.err.split("\n")[0], ambiguous.exitCode]).toEqual(["observation_id aaaaaaaa is not unique.", 2]);
  expect((await w.kioku(["delete", "bbbbbbb"])).exitCode).toBe(2);
  expect((await w.kioku(["delete", "cccccccc"])).exitCode).toBe(1);
  expect(await left(w)).toHaveLength(2);
});
