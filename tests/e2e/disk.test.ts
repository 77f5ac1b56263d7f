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
