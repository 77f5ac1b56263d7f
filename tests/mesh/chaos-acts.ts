import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readRunning } from "../../src/router/running.ts";
import { connectAgent } from "./agent.ts";
import { withdrawnOn, type Ledger } from "./chaos-ledger.ts";
import type { Kind, Step } from "./chaos-plan.ts";
import { invite, joinAsSpoke, linked, must, type createNetwork, type Host, type Running } from "./hosts.ts";
import { intrude } from "./intrude.ts";
import type { wallClocks } from "./wall-clock.ts";

/**
 * Seconds by which a clock may be off. Certificates of the mesh allow for a week. Routers stamp what they store: what a
 * clock far ahead has stamped, no erasure can take the place of before that time has come, which is not waited for.
 */
const clockOffsets = [0, 0, 45, -90, 600, -3_600, -18_000, -3 * 86_400];

/** Milliseconds: far more than ending takes, and less than a service manager waits for it. */
const longestEnd = 30_000;

export interface Machine {
  host: Host;
  run: Running | undefined;
  backups: string[];
}

interface World {
  network: ReturnType<typeof createNetwork>;
  clocks: ReturnType<typeof wallClocks>;
  ledger: Ledger;
  /** Told of what must not be. */
  wrong(problem: string): void;
  /** Tells the contents of this run apart from all others. */
  seed: number;
}

/** What can happen to the hosts of a network, and what keeps account of it. */
export function createActs({ network, clocks, ledger, wrong, seed }: World) {
  const machines: Machine[] = network.hosts.map((host) => ({ host, run: undefined, backups: [] }));
  const codes = { hub: "", spoke: "", behind: "" };
  let texts = 0;

  /** Configures a host as it was from the beginning: the last one knows only the one before it. */
  async function enrol({ host }: Machine): Promise<void> {
    if (host.name === "hub") {
      const argv = ["init", "--mode", "hub", "--force", "--listen", host.address];
      await must(codes.hub ? host.kioku([...argv, "--join", "-"], `${codes.hub}\n`) : host.kioku(argv));
    } else await joinAsSpoke(host, host.name === "d" ? codes.behind : codes.spoke, "--force", "--listen", host.address);
  }

  async function start(machine: Machine): Promise<boolean> {
    if (machine.run) return false;
    const run = await machine.host.start();
    machine.run = run;
    void run.exited.then((status) => {
      if (machine.run === run) wrong(`mesh run of ${machine.host.name} ended by itself with status ${status}`);
    });
    return true;
  }

  async function stop(machine: Machine, signal: NodeJS.Signals): Promise<boolean> {
    const { run } = machine;
    machine.run = undefined;
    const begin = performance.now();
    await run?.stop(signal);
    if (performance.now() - begin > longestEnd) wrong(`mesh run of ${machine.host.name} would not end`);
    return run !== undefined;
  }

  /** A command that has to succeed, whatever state the mesh is in. */
  async function command({ host }: Machine, ...argv: string[]): Promise<string | undefined> {
    const { out, err, status } = await host.kioku(argv);
    if (status === 0) return out;
    wrong(`${host.name}: ${argv.join(" ")} ended with status ${status}: ${err.trim()}`);
    return undefined;
  }

  async function save(machine: Machine, content: string, ...more: string[]): Promise<string | undefined> {
    const out = await command(machine, "save", content, ...more);
    const id = out && /[0-9a-f]{32}/.exec(out)![0];
    if (id) ledger.saved(id, content);
    return id;
  }

  /** A content that occurs once in the world. */
  const text = () => `chaos ${seed} says ${++texts}: ${crypto.randomUUID()}`;

  /** Takes a host's disk away, or puts another one in. */
  async function replaceDisk(machine: Machine, put: () => void | Promise<void>): Promise<true> {
    await stop(machine, "SIGKILL");
    await put();
    ledger.diskReplaced();
    await start(machine);
    return true;
  }

  /** What each kind of event does. False where there is nothing to do it to. */
  const acts: { [kind in Kind]: (machine: Machine, step: Step) => boolean | Promise<boolean> } = {
    async save(machine) {
      const number = ledger.ids.push(undefined) - 1;
      ledger.ids[number] = await save(machine, text());
      return true;
    },
    async saveOnAll() {
      await Promise.all(machines.map((machine) => save(machine, text())));
      return true;
    },
    async saveByAgent({ host }, { roll }) {
      await using agent = await connectAgent(host);
      for (let i = 20 + Math.floor(roll * 400); i > 0; i--) {
        const content = text();
        ledger.saved(/[0-9a-f]{32}/.exec(await agent.call("save_observation", { content }))![0], content);
      }
      return true;
    },
    async saveKilled({ host }, { roll }) {
      const saving = await host.start(["save", text()]); // acknowledged or not: nobody has seen it
      await Bun.sleep(roll * 100);
      await saving.stop("SIGKILL");
      return true;
    },
    async saveThroughCrash(machine, { roll }) {
      const saves = Array.from({ length: 6 }, () => save(machine, text()));
      await Bun.sleep(roll * 150);
      const hit = (roll * 10) % 1 < 0.5 ? await stop(machine, "SIGKILL") : endRouter(machine, "SIGKILL");
      await Promise.all(saves);
      return hit;
    },
    async supersede(machine, { save: number }) {
      const old = ledger.ids[number];
      const fresh = ledger.ids.push(undefined) - 1;
      ledger.ids[fresh] = await save(machine, text(), ...(old ? ["--supersedes", old] : []));
      return old !== undefined;
    },
    async delete(machine, { save: number }) {
      const id = ledger.ids[number];
      if (!id) return false;
      const { err, status } = await machine.host.kioku(["delete", id]);
      if (status === 0) ledger.deleted(id);
      else if (!/not found/.test(err)) wrong(`${machine.host.name}: delete ${id}: ${err.trim()}`);
      return status === 0; // else this host has not heard of it, or its content is erased
    },
    async forceErase(machine, { save: number }) {
      const id = ledger.ids[number];
      if (!id) return false;
      ledger.aboutToErase([id]);
      if ((await command(machine, "gc", "--force-id", id)) !== undefined) ledger.erasedOn(machine.host);
      return true;
    },
    async gc(machine) {
      const ids = withdrawnOn(machine.host);
      ledger.aboutToErase(ids);
      if ((await command(machine, "gc", "--retention-days", "0")) !== undefined) ledger.erasedOn(machine.host);
      return ids.length > 0;
    },
    killRun: (machine) => stop(machine, "SIGKILL"),
    endRun: (machine) => stop(machine, "SIGTERM"),
    start,
    killRouter: (machine) => endRouter(machine, "SIGKILL"),
    endRouter: (machine) => endRouter(machine, "SIGTERM"),
    cut({ host }) {
      network.plug(host, false);
      return true;
    },
    mend({ host }) {
      network.plug(host, true);
      return true;
    },
    setClock({ host }, { roll }) {
      clocks.set(network, host, clockOffsets[Math.floor(roll * clockOffsets.length)]!);
      return true;
    },
    async wipeByWebSocket({ host }) {
      try {
        await intrude(network, host, { remove: ["kioku/**"] });
        return true;
      } catch {
        return false; // no router answers
      }
    },
    async wipeFiles(machine) {
      await stop(machine, "SIGKILL");
      const storages = readdirSync(machine.host.state).filter((name) => name.startsWith("kioku_"));
      for (const name of storages) rmSync(join(machine.host.state, name), { recursive: true });
      await start(machine);
      return storages.length > 0;
    },
    async backUp(machine) {
      const run = await stop(machine, "SIGTERM");
      const to = join(machine.host.home, `backup-${machine.backups.length}`);
      cpSync(machine.host.state, to, { recursive: true, filter: (path) => !path.endsWith("/router") });
      machine.backups.push(to);
      if (run) await start(machine);
      return true;
    },
    restoreDatabase(machine, step) {
      const backup = backupOf(machine, step);
      return backup !== undefined && replaceDisk(machine, () => copyDatabase(backup, machine.host.state));
    },
    restoreDisk(machine, step) {
      const backup = backupOf(machine, step);
      if (backup === undefined) return false;
      return replaceDisk(machine, () => {
        rmSync(machine.host.state, { recursive: true });
        cpSync(backup, machine.host.state, { recursive: true });
      });
    },
    loseDisk: (machine) =>
      replaceDisk(machine, async () => {
        rmSync(machine.host.state, { recursive: true });
        await enrol(machine);
      }),
    async clone(machine, { other, roll }) {
      const from = machines[other]!;
      await stop(from, "SIGTERM");
      await replaceDisk(machine, () => {
        if (roll < 0.5) return copyDatabase(from.host.state, machine.host.state);
        rmSync(machine.host.state, { recursive: true });
        cpSync(from.host.state, machine.host.state, { recursive: true });
      });
      await start(from);
      return true;
    },
  };

  /** Makes the mesh: a hub, three spokes, and one behind the third. */
  async function begin(): Promise<void> {
    const [hub] = machines as [Machine];
    await enrol(hub);
    codes.spoke = await invite(hub.host);
    codes.hub = await invite(hub.host, "--address", `${machines[1]!.host.address}:7447`);
    codes.behind = await invite(hub.host, "--address", `${machines[3]!.host.address}:7447`);
    for (const machine of machines.slice(1)) await enrol(machine);
    for (const machine of machines) await start(machine);
    await Promise.all(network.hosts.map(linked));
  }

  return { machines, begin, start, stop, acts };
}

/** Ends a host's router; false where none runs. */
function endRouter({ host }: Machine, signal: NodeJS.Signals): boolean {
  const running = readRunning(join(host.state, "mesh"));
  try {
    if (running) process.kill(running.pid, signal);
    return running !== undefined;
  } catch {
    return false; // it is gone already
  }
}

function copyDatabase(from: string, to: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(to, `memory.db${suffix}`), { force: true });
  for (const suffix of ["", "-wal"]) {
    if (existsSync(join(from, `memory.db${suffix}`)))
      cpSync(join(from, `memory.db${suffix}`), join(to, `memory.db${suffix}`));
  }
}

/** The backup that an event names; copies are made while nothing writes. */
function backupOf({ backups }: Machine, { roll }: Step): string | undefined {
  return backups[Math.floor(roll * backups.length)];
}
