/** A full disk: what needs room is refused with a clear word, and nothing is half-written; the rest goes on. */
import { expect } from "bun:test";
import { join } from "node:path";
import { testWith } from "../needs.ts";
import { home } from "./program.ts";
import { smallDisk } from "./small-disk.ts";

/** The ids that `search --json` has found, sorted. */
function idsFound(out: string): string[] {
  const { observations } = JSON.parse(out) as { observations: { observation_id: string }[] };
  return observations.map(({ observation_id }) => observation_id).toSorted();
}

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
    expect(idsFound(search.out)).toEqual([...saved, idIn(last.out)!].toSorted());
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
    expect(idsFound(search.out)).toEqual(saved.toSorted());
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
    const listed = async () => idsFound((await run("search", "note", "--json")).out);
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
  "a mesh is left, or its key replaced, on a full disk not at all; with a little room leaving is finished by leaving again",
  async () => {
    await using disk = await smallDisk(3);
    const config = join(disk.at, "config");
    await using machine = home({ XDG_CONFIG_HOME: config }, join(disk.at, "state"));
    const run = (...args: string[]) => machine.run(args, disk.inside);
    const here = () =>
      String(Bun.spawnSync([...disk.inside, "sh", "-c", `cd ${disk.at}; grep -r "" config state/mesh`]).stdout);
    const leave = ["mesh", "leave", "--yes"];
    const said = async (command: string[]) => {
      const { err, status } = await run(...command);
      return [err.split("\n")[0], status];
    };
    expect((await run("save", "it stays")).status).toBe(0);
    for (const open of [[], ["--open"]]) {
      expect((await run("init", "--mode", "hub", "--listen", "127.0.0.1", ...open)).status).toBe(0);
      const before = here();
      disk.fill(0);
      for (const command of open.length > 0 ? [leave] : [leave, ["mesh", "rotate-key", "--yes"]]) {
        const file = command === leave ? join(config, "mesh-mem/config.yaml") : join(machine.state, "mesh/membership");
        expect(await said(command)).toEqual([`error: ${file} cannot be written`, 5]);
        expect(here()).toBe(before);
      }
      disk.fill(12); // for the files, not for the database, in which leaving an open mesh is noted
      expect((await said(leave))[1]).toBe(open.length > 0 ? 5 : 0);
      disk.empty();
      expect(await said(leave)).toEqual(["", 0]);
      expect(here()).toBe("config/mesh-mem/config.yaml:backend: local\n");
    }
    expect((await run("search", "stays")).out).toContain("it stays");
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
