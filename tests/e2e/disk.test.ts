/** A disk that refuses: a clear error, status 5, nothing half-written, and all is well when it gives way. */
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "../../src/store/inspect.ts";
import { openStore } from "../../src/store/store.ts";
import { has, testWith } from "../needs.ts";
import { now } from "../store/records.ts";
import { home } from "./program.ts";
import { smallDisk } from "./small-disk.ts";

const idIn = (text: string) => /saved: ([0-9a-f]{32})/.exec(text)?.[1];

testWith("mounts")(
  "a full disk refuses a save with a clear word, and takes it when there is space again",
  async () => {
    await using disk = await smallDisk(3);
    await using machine = home({}, join(disk.at, "state"));
    const save = (text: string) => machine.run(["save", text], disk.inside);
    const first = await save("before the disk was full");
    expect(first.status).toBe(0);
    const saved = [idIn(first.out)!];
    const refused = new Set<string>();
    for (const free of [4, 16, 32, 48, 64, 80, 96, 128, 160]) {
      disk.fill(free);
      const { out, err, status } = await save(`with ${free} kilobytes free`);
      if (status === 0) saved.push(idIn(out)!);
      else {
        expect({ out, status }).toEqual({ out: "", status: 5 });
        refused.add(err.split("\n")[0]!);
      }
      disk.empty();
    }
    expect([...refused]).toEqual([`error: the disk is full: ${machine.database}`]);
    const last = await save("after space came back");
    expect(last.status).toBe(0);
    const search = await machine.run(["search", "--json"], disk.inside);
    const { observations } = JSON.parse(search.out) as { observations: { observation_id: string }[] };
    const found = observations.map(({ observation_id }) => observation_id);
    expect(found.toSorted()).toEqual([...saved, idIn(last.out)!].toSorted());
    const doctor = await machine.run(["doctor"], disk.inside);
    expect(doctor.out).toContain("[PASS] database_integrity");
  },
  60_000,
);

testWith("mounts")(
  "a disk that fills while a server saves: what it acknowledged is there, the rest is refused",
  async () => {
    await using disk = await smallDisk(3);
    await using machine = home({}, join(disk.at, "state"));
    const server = machine.serve(disk.inside);
    await server.initialize();
    const content = "the disk fills up with this ".repeat(100);
    const saved: string[] = [];
    const refusals: string[] = [];
    for (let i = 0; refusals.length < 5; i++) {
      const save = server.call("save_observation", { content: `${content} ${i}` });
      await save.then(
        (text) => saved.push(idIn(text)!),
        (error: Error) => refusals.push(error.message),
      );
    }
    for (const refusal of refusals) expect(refusal).toMatch(/^the disk is full: .*\nfree some space and try again/);
    expect(await server.call("search_memory", { query: "fills up", limit: 1 })).toContain("<id=");
    disk.sh(`mount -o remount,size=6m ${disk.at}`);
    saved.push(idIn(await server.call("save_observation", { content: "there is space again" }))!);
    await server.end();
    const search = await machine.run(["search", "--json", "-n", "10000"], disk.inside);
    const { observations } = JSON.parse(search.out) as { observations: { observation_id: string }[] };
    expect(observations.map(({ observation_id }) => observation_id).toSorted()).toEqual(saved.toSorted());
  },
  60_000,
);

/** Takes away what processes share of the database, and the room for it: the next one has to do without. */
function takeIndex(disk: Awaited<ReturnType<typeof smallDisk>>, database: string): void {
  disk.sh(`rm -f ${database}-shm`);
  disk.fill(0);
}

testWith("mounts")(
  "a full disk can be read from, by many at once, also where a server was killed over what it saved last",
  async () => {
    await using disk = await smallDisk(4);
    await using machine = home({}, join(disk.at, "state"));
    const run = (...args: string[]) => machine.run(args, disk.inside);
    const server = machine.serve(disk.inside);
    await server.initialize();
    const saved: string[] = [];
    for (let i = 0; i < 5; i++) saved.push(idIn(await server.call("save_observation", { content: `note ${i}` }))!);
    server.child.kill("SIGKILL");
    await server.child.exited;
    disk.sh(`test -s ${machine.database}-wal`);
    takeIndex(disk, machine.database);
    const listed = async () => {
      const { observations } = JSON.parse((await run("search", "note", "--json")).out);
      return (observations as { observation_id: string }[]).map(({ observation_id }) => observation_id).toSorted();
    };
    expect(await listed()).toEqual(saved.toSorted());
    for (const command of [["get-memory", saved[4]!], ["recall-context"], ["status"], ["export"]]) {
      expect([command, (await run(...command)).status]).toEqual([command, 0]);
    }
    const all = await Promise.all(Array.from({ length: 24 }, listed));
    expect(all).toEqual(all.map(() => saved.toSorted()));
    for (const command of [
      ["save", "too much"],
      ["delete", saved[0]!],
      ["gc", "--force-id", saved[0]!],
    ]) {
      const { out, err, status } = await run(...command);
      const said = err.split("\n")[0];
      expect({ out, said, status }).toEqual({
        out: "",
        said: `error: the disk is full: ${machine.database}`,
        status: 5,
      });
    }
    disk.empty();
    saved.push(idIn((await run("save", "note of a time with space")).out)!);
    expect(await listed()).toEqual(saved.toSorted());
    expect((await run("doctor")).out).toContain("[PASS] database_integrity");
  },
  60_000,
);

testWith("mounts")(
  "whoever reads from a full disk keeps no server from its work: neither one that is there, nor one that comes with the space",
  async () => {
    await using disk = await smallDisk(3);
    await using machine = home({}, join(disk.at, "state"));
    const search = async () => (await machine.run(["search", "note"], disk.inside)).out;
    const [early, late] = [machine.serve(disk.inside), machine.serve(disk.inside)];
    for (const server of [early, late]) await server.initialize();
    await early.call("save_observation", { content: "a note" });
    disk.fill(0);
    expect(await search()).toContain("a note"); // beside the server
    expect(await early.call("search_memory", { query: "note" })).toContain("a note");
    await early.end();
    takeIndex(disk, machine.database);
    expect(await search()).toContain("a note"); // alone
    await expect(late.call("save_observation", { content: "a later note" })).rejects.toThrow("the disk is full");
    disk.empty();
    await late.call("save_observation", { content: "a later note" });
    expect(await search()).toContain("a later note");
    await late.end();
  },
  60_000,
);

testWith("mounts")(
  "a first run on a full disk leaves nothing behind that would hinder the next",
  async () => {
    await using disk = await smallDisk(2);
    await using machine = home({}, join(disk.at, "state"));
    for (const free of [0, 4, 8, 12, 24, 40, 60]) {
      disk.fill(free);
      const { status, out } = await machine.run(["save", "too early"], disk.inside);
      expect({ free, status, out }).toEqual({ free, status: 5, out: "" });
    }
    disk.empty();
    expect((await machine.run(["save", "at last"], disk.inside)).status).toBe(0);
  },
  60_000,
);

test("a limit on the size of files is met like a full disk: status 5, and all that was saved is there", async () => {
  await using machine = home();
  const limited = machine.serve(["sh", "-c", 'ulimit -f 600; exec "$@"', "sh"]); // of 512 bytes, in some shells of 1024
  await limited.initialize();
  const saved: string[] = [];
  let refusal = "";
  for (let i = 0; refusal === ""; i++) {
    const save = limited.call("save_observation", { content: `${"up to the limit ".repeat(50)} ${i}` });
    await save.then(
      (text) => saved.push(idIn(text)!),
      (error: Error) => (refusal = error.message),
    );
  }
  expect(refusal).toMatch(/^the disk does not answer as it should: .*\ncheck the disk, its free space and your limits/);
  await limited.end();
  const store = openStore(machine.database, () => now);
  const here = new Set(store.log.rows(0, 100_000).map(({ id }) => id));
  store.close();
  expect(saved.length).toBeGreaterThan(0);
  expect(saved.filter((id) => !here.has(id))).toEqual([]);
  expect((await machine.run(["save", "without the limit"])).status).toBe(0);
  expect(inspect(machine.database)).toMatchObject({ problems: [], doubtful: [], astray: 0, counted: true });
}, 60_000);

/** What makes a directory unwritable: its mode, or for root, whom modes do not stop, a mount. */
const readOnly = has("root") ? testWith("mounts") : test;
readOnly(
  "a read-only directory is named, and saves work again when it is writable",
  async () => {
    if (has("root")) {
      await using disk = await smallDisk(3);
      await using machine = home({}, join(disk.at, "state"));
      const toggle = (mode: "ro" | "rw") => disk.sh(`mount -o remount,${mode} ${disk.at}`);
      await refusesWhile(machine, disk.inside, toggle, "opened");
    } else {
      await using machine = home();
      mkdirSync(machine.state);
      const toggle = (mode: "ro" | "rw") => chmodSync(machine.state, mode === "ro" ? 0o500 : 0o700);
      await refusesWhile(machine, [], toggle, "written");
    }
  },
  60_000,
);

async function refusesWhile(
  machine: ReturnType<typeof home>,
  inside: string[],
  set: (mode: "ro" | "rw") => void,
  cannotBe: "opened" | "written",
): Promise<void> {
  const before = await machine.run(["save", "while it was writable"], inside);
  expect(before.status).toBe(0);
  set("ro");
  const refused = await machine.run(["save", "while it is not"], inside);
  set("rw");
  expect({ out: refused.out, status: refused.status }).toEqual({ out: "", status: 5 });
  expect(refused.err).toBe(
    `error: the database cannot be ${cannotBe}: ${machine.database}\n hint: check the permissions of the state directory\n`,
  );
  const after = await machine.run(["save", "writable again"], inside);
  expect(after.status).toBe(0);
  const { out } = await machine.run(["search"], inside);
  expect(out).toContain(idIn(before.out)!);
  expect(out).toContain(idIn(after.out)!);
  expect(out).not.toContain("while it is not");
}

test("a truncated and a bit-flipped database: commands refuse or answer rightly, never crash, and doctor names it", async () => {
  await using machine = home();
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push(idIn((await machine.run(["save", `kept memory ${i} `.repeat(200)])).out)!);
  const whole = await Bun.file(machine.database).bytes();
  const damages: [name: string, damage: () => void][] = [
    ["truncated", () => truncateSync(machine.database, Math.floor(statSync(machine.database).size / 2))],
    [
      "flipped",
      () =>
        writeFileSync(
          machine.database,
          whole.map((byte, i) => (i > 4096 && i % 1500 === 0 ? byte ^ 16 : byte)),
        ),
    ],
    [
      "no database",
      () => writeFileSync(machine.database, "this is no database, but it is long enough to be one".repeat(100)),
    ],
  ];
  for (const [name, damage] of damages) {
    for (const suffix of ["-wal", "-shm"]) rmSync(machine.database + suffix, { force: true });
    writeFileSync(machine.database, whole);
    damage();
    const doctor = await machine.run(["doctor", "--json"]);
    expect({ name, status: doctor.status }).toEqual({ name, status: 2 });
    const { checks } = JSON.parse(doctor.out) as { checks: { name: string; status: string; hint: string }[] };
    const integrity = checks.find((check) => check.name === "database_integrity")!;
    expect(integrity.status).toBe("fail");
    expect(integrity.hint).toContain("doctor --repair");
    const save = await machine.run(["save", "on a damaged database"]);
    expect([0, 7]).toContain(save.status);
    if (save.status === 7)
      expect(save.err).toMatch(/^error: (the database is damaged|this is not a database of ours): /);
  }
}, 60_000);
