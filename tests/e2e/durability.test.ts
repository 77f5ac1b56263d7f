/** What the store promises, kept by the compiled program in real processes. */
import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "../../src/store/inspect.ts";
import { openStore } from "../../src/store/store.ts";
import { testWith } from "../needs.ts";
import { seeded } from "../random.ts";
import { now } from "../store/records.ts";
import { home } from "./program.ts";

const idIn = (text: string) => /saved: ([0-9a-f]{32})/.exec(text)?.[1];

/** The ids that a database holds, after checking that it is sound. */
function idsIn(database: string): Set<string> {
  expect(inspect(database)).toMatchObject({ problems: [], doubtful: [], astray: 0, counted: true });
  const store = openStore(database, () => now);
  const ids = new Set(store.log.rows(0, 1_000_000).map(({ id }) => id));
  store.close();
  return ids;
}

test("two dozen processes open a new database at once: all save, and every save is there", async () => {
  await using machine = home();
  const runs = await Promise.all(Array.from({ length: 24 }, (_, i) => machine.run(["save", `first run ${i}`])));
  for (const { status, err } of runs) expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(idsIn(machine.database)).toEqual(new Set(runs.map(({ out }) => idIn(out)!)));
}, 60_000);

test("eight agents save 1,000 each while four search: nothing is lost, nobody is locked out", async () => {
  await using machine = home();
  let saving = true;
  const saved = new Set<string>();
  const searches: number[] = [];
  const savers = Array.from({ length: 8 }, async (_, agent) => {
    const server = machine.serve();
    await server.initialize();
    for (let i = 0; i < 1_000; i++) {
      const text = await server.call("save_observation", {
        content: `agent ${agent} remembers number ${i} of its deploy notes`,
        subject: `note ${i}`,
        summary: `saved by agent ${agent}`,
      });
      saved.add(idIn(text)!);
    }
    await server.end();
  });
  const searchers = Array.from({ length: 4 }, async () => {
    const server = machine.serve();
    await server.initialize();
    let count = 0;
    for (; saving; count++) {
      await server.call("search_memory", { query: "deploy notes", limit: 5 });
      await Bun.sleep(20); // agents do other things too, and two cores are to be had for saving
    }
    searches.push(count);
    await server.end();
  });
  await Promise.all(savers).finally(() => (saving = false));
  await Promise.all(searchers);
  expect(saved.size).toBe(8_000);
  expect(searches.every((count) => count > 0)).toBe(true);
  expect(idsIn(machine.database)).toEqual(saved);
}, 300_000);

test("servers killed at 200 random moments of saving: every save they acknowledged is there", async () => {
  await using machine = home();
  const chance = seeded(2026);
  const acknowledged = new Set<string>();
  /** Starts a server, lets it save, and kills it in the midst; many times over. */
  async function killings(times: number): Promise<void> {
    for (let round = 0; round < times; round++) {
      const server = machine.serve();
      let saved = 0;
      const save = async () => {
        await server.initialize();
        for (; ; saved++) acknowledged.add(idIn(await server.call("save_observation", { content: `note ${saved}` }))!);
      };
      const end = save().catch((error: Error) => error.message);
      const enough = chance.below(4);
      if (round % 10 !== 0) await until(() => saved > enough); // every tenth is killed while it starts
      await Bun.sleep(chance.next() * 8);
      server.child.kill("SIGKILL");
      await server.child.exited;
      expect(await end).toBe("the server has ended"); // the last call has no answer, and none was refused
    }
  }
  await Promise.all([killings(100), killings(100)]); // so that one is killed while another lives
  const held = idsIn(machine.database);
  expect([...acknowledged].filter((id) => !held.has(id))).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(200);
  // What was not acknowledged is there whole or not at all: at most one for each server that was killed.
  expect(held.size - acknowledged.size).toBeLessThanOrEqual(200);
}, 300_000);

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("it does not happen");
    await Bun.sleep(0.5);
  }
}

test("the files beside the database are for its owner alone, whatever the umask", async () => {
  await using machine = home();
  const server = machine.serve(["sh", "-c", 'umask 000; exec "$@"', "sh"]);
  await server.initialize();
  await server.call("save_observation", { content: "private" });
  for (const suffix of ["", "-wal", "-shm"]) {
    expect([suffix, (statSync(machine.database + suffix).mode & 0o777).toString(8)]).toEqual([suffix, "600"]);
  }
  expect((statSync(machine.state).mode & 0o777).toString(8)).toBe("700");
  await server.end();
}, 20_000);

/** What a command answers, and the system calls by which it wrote, flushed and named files, one a line. */
async function traced(machine: ReturnType<typeof home>, args: string[]): Promise<{ out: string; lines: string[] }> {
  const trace = `${machine.path}/trace`;
  const calls = "fsync,fdatasync,pwrite64,write,writev,?link,linkat,?rename,renameat,renameat2";
  const strace = ["strace", "-f", "-y", "-s", "4096", "-e", calls, "-o", trace];
  const { out, err, status } = await machine.run(args, strace);
  if (status !== 0) throw new Error(err);
  return { out, lines: (await Bun.file(trace).text()).split("\n") };
}

testWith("strace")(
  "the answer of a save leaves after its bytes are on disk",
  async () => {
    await using machine = home();
    await machine.run(["save", "the database exists"]);
    const content = "ordered on the disk";
    const { out, lines } = await traced(machine, ["save", content]);
    const written = lines.findIndex((line) => line.includes("pwrite64(") && line.includes(content));
    const flushed = lines.findIndex(
      (line, i) => i > written && /f(data)?sync\(\d+<.*memory\.db-wal>\) += 0/.test(line),
    );
    const answered = lines.findIndex((line) => /write(v)?\(1</.test(line) && line.includes(out.trim()));
    const later = lines
      .slice(flushed + 1, answered)
      .filter((line) => line.includes("pwrite64(") && line.includes("-wal>"));
    expect(written).toBeGreaterThan(-1);
    expect(flushed).toBeGreaterThan(written);
    expect(answered).toBeGreaterThan(flushed);
    expect(later).toEqual([]); // nothing of the save is written after it was flushed
  },
  30_000,
);

testWith("strace")(
  "a new key of a mesh, and every folder that leads to it, is on disk before a command says that it is made",
  async () => {
    await using machine = home();
    const mesh = join(machine.state, "mesh");
    const commands = [
      ["init", "--mode", "hub", "--listen", "127.0.0.1"],
      ["mesh", "rotate-key", "--yes"],
    ];
    for (const command of commands) {
      const { lines } = await traced(machine, command);
      const at = (call: RegExp) => lines.findIndex((line) => call.test(line));
      const draft = /write\(\d+<(\S+\/\.membership\.\S+)>, "kioku1_/.exec(lines.join("\n"))![1]!;
      const flushed = (path: string) => at(new RegExp(`fsync\\(\\d+<${RegExp.escape(path)}>`));
      const steps = {
        written: at(/write\(\d+<.*\.membership\..*kioku1_/),
        flushed: flushed(draft),
        named: at(/(link|rename)(at2?)?\(.*\.membership\..*\/membership"/),
        listed: flushed(mesh),
        listedAbove: flushed(machine.state),
        listedAtTheTop: flushed(machine.path),
        said: at(/writev?\(1</),
      };
      const inOrder = Object.entries(steps).toSorted(([, a], [, b]) => a - b);
      expect(inOrder.map(([step]) => step)).toEqual(Object.keys(steps));
      expect(steps.written).toBeGreaterThan(-1);
    }
  },
  30_000,
);

test("gc --force-id takes the bytes off the disk, while an agent's server has the database open", async () => {
  await using machine = home();
  const server = machine.serve();
  await server.initialize();
  const secret = "hunter2xqzw";
  const ids: string[] = [];
  for (let i = 0; i < 40; i++) {
    ids.push(idIn(await server.call("save_observation", { content: `note ${i} ${i === 20 ? secret : "ordinary"}` }))!);
  }
  // By another process: closing the files here would drop the locks of the store, were it open in this one.
  const inFiles = () => Bun.spawnSync(["grep", "-l", "-a", "-r", secret.slice(2), machine.state]).stdout.toString();
  expect(inFiles()).not.toBe("");
  const { status, out } = await machine.run(["gc", "--force-id", ids[20]!]);
  expect({ status, out }).toEqual({ status: 0, out: `physically deleted (obs): ${ids[20]}\n` });
  expect(inFiles()).toBe("");
  expect(await server.call("search_memory", { query: secret })).toContain("No matching memories");
  expect(await server.call("search_memory", { query: "note 21" })).toContain(ids[21]!);
  await server.end();
}, 30_000);
