import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readRunning } from "../../src/router/running.ts";
import { connectAgent } from "./agent.ts";
import { createLedger, identitiesOf, setOf, withdrawnOn } from "./chaos-ledger.ts";
import { kinds, planRounds, type Kind, type Step } from "./chaos-plan.ts";
import {
  createNetwork,
  eventually,
  invite,
  joinAsSpoke,
  linked,
  must,
  viewOf,
  type Host,
  type Running,
} from "./hosts.ts";
import { intrude } from "./intrude.ts";
import { wallClocks } from "./wall-clock.ts";

/**
 * Five hosts in network namespaces live through mishaps by chance, for as long as one likes, by hand:
 * `bun tests/mesh/chaos.ts --seed N --minutes 60`. Needs root, `ip`, a C compiler and the built program. The events
 * follow from the seed. Every few minutes everything is mended, and all hosts must have the same set with everything in
 * it that `chaos-ledger.ts` requires; in the end no file may hold erased content. Ends with status 1, and leaves the
 * hosts' files behind, where something is wrong.
 */
const { values } = parseArgs({ options: { seed: { type: "string" }, minutes: { type: "string", default: "60" } } });
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const minutes = Number(values.minutes);

const names = ["hub", "a", "b", "c", "d"];
/**
 * Seconds by which a clock may be off. Certificates of the mesh allow for a week. Routers stamp what they store: what a
 * clock far ahead has stamped, no erasure can take the place of before that time has come, which is not waited for.
 */
const clockOffsets = [0, 0, 45, -90, 600, -3_600, -18_000, -3 * 86_400];
const convergence = 300_000;
/** After an erasure a router's files are made anew twice, with minutes between; and clocks were ahead by some. */
const cleaning = 25 * 60_000;

interface Machine {
  host: Host;
  run: Running | undefined;
  backups: string[];
}

const build = mkdtempSync(join(tmpdir(), "kioku-chaos-"));
const clocks = wallClocks(build);
await using network = createNetwork(names, Object.fromEntries(names.map((name) => [name, clocks.right()])));
const machines: Machine[] = network.hosts.map((host) => ({ host, run: undefined, backups: [] }));
const hosts = network.hosts;
const ledger = createLedger(hosts);
const problems: string[] = [];
const counts = new Map<Kind, { done: number; idle: number }>(kinds.map((kind) => [kind, { done: 0, idle: 0 }]));
const convergences: number[] = [];
const since = performance.now();
const codes = { hub: "", spoke: "", behind: "" };

function say(text: string): void {
  const seconds = Math.round((performance.now() - since) / 1_000);
  console.log(`${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, "0")} ${text}`);
}

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
    if (machine.run === run) problems.push(`mesh run of ${machine.host.name} ended by itself with status ${status}`);
  });
  return true;
}

async function stop(machine: Machine, signal: NodeJS.Signals): Promise<boolean> {
  const { run } = machine;
  machine.run = undefined;
  await run?.stop(signal);
  return run !== undefined;
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

/** A command that has to succeed, whatever state the mesh is in. */
async function command({ host }: Machine, ...argv: string[]): Promise<string | undefined> {
  const { out, err, status } = await host.kioku(argv);
  if (status === 0) return out;
  problems.push(`${host.name}: ${argv.join(" ")} ended with status ${status}: ${err.trim()}`);
  return undefined;
}

async function save(machine: Machine, content: string, ...more: string[]): Promise<string | undefined> {
  const out = await command(machine, "save", content, ...more);
  const id = out && /[0-9a-f]{32}/.exec(out)![0];
  if (id) ledger.saved(id, content);
  return id;
}

let texts = 0;
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
    else if (!/not found/.test(err)) problems.push(`${machine.host.name}: delete ${id}: ${err.trim()}`);
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

async function play(step: Step): Promise<void> {
  await Bun.sleep(step.pause);
  const machine = machines[step.host]!;
  if (step.kind !== "save") say(`${step.kind} ${machine.host.name}`);
  const count = counts.get(step.kind)!;
  if (await acts[step.kind](machine, step)) count.done++;
  else count.idle++;
}

/** Mends everything but the clocks, and waits until all hosts are level. Gives milliseconds. */
async function heal(): Promise<number> {
  for (const { host } of machines) network.plug(host, true);
  for (const machine of machines) await start(machine);
  const begin = performance.now();
  let told = begin;
  await eventually(
    "all hosts are level",
    () => {
      const behind = notLevel();
      if (behind.length > 0 && performance.now() - told > 15_000) {
        told = performance.now();
        say(`not level yet: ${behind.join(", ")}`);
      }
      return behind.length === 0;
    },
    convergence,
  );
  return performance.now() - begin;
}

/** The hosts that do not have what the first has, or whose records may be theirs alone. */
function notLevel(): string[] {
  const views = hosts.map(viewOf);
  return views.flatMap(({ linked: isLinked, fingerprint, pending, records }, i) => {
    if (isLinked && fingerprint === views[0]!.fingerprint && pending === 0) return [];
    return [`${names[i]} ${isLinked ? "" : "without router, "}${records} records, ${pending} pending`];
  });
}

function check(): void {
  const sets = hosts.map(setOf);
  if (new Set(sets).size > 1) problems.push("equal fingerprints, but not equal sets");
  for (const host of hosts) problems.push(...ledger.problemsOf(host));
}

function report(): string {
  const times = convergences.map((ms) => ms / 1_000).toSorted((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))]?.toFixed(1);
  const events = [...counts.values()].reduce((sum, { done }) => sum + done, 0);
  return [
    `seed ${seed}, ${Math.round((performance.now() - since) / 60_000)} minutes, ${events} events, ${times.length} heals`,
    `acknowledged saves: ${ledger.acknowledged}; required in the end: ${ledger.required} records; held: ${identitiesOf(hosts[0]!).size}`,
    `level after a heal, seconds: median ${at(0.5)}, 90 % ${at(0.9)}, longest ${times.at(-1)?.toFixed(1)}`,
    `each: ${convergences.map((ms) => (ms / 1_000).toFixed(1)).join(" ")}`,
    ...kinds.map((kind) => `  ${kind}: ${counts.get(kind)!.done}, without effect ${counts.get(kind)!.idle}`),
  ].join("\n");
}

/** Makes the mesh: a hub, three spokes, and one behind the third. */
async function begin(): Promise<void> {
  const [hub] = machines as [Machine];
  await enrol(hub);
  codes.spoke = await invite(hub.host);
  codes.hub = await invite(hub.host, "--address", `${hosts[1]!.address}:7447`);
  codes.behind = await invite(hub.host, "--address", `${hosts[3]!.address}:7447`);
  for (const machine of machines.slice(1)) await enrol(machine);
  for (const machine of machines) await start(machine);
  await Promise.all(hosts.map(linked));
}

async function live(): Promise<void> {
  await begin();
  say("five hosts are linked");
  for (const steps of planRounds(seed, machines.length)) {
    for (const step of steps) {
      await play(step);
      if (problems.length > 0) return;
    }
    const took = await heal();
    convergences.push(took);
    check();
    say(`level after ${(took / 1_000).toFixed(1)} s, with ${identitiesOf(hosts[0]!).size} records`);
    if (problems.length > 0) return;
    if (performance.now() - since > minutes * 60_000) break;
  }
  for (const host of hosts) clocks.set(network, host, 0);
  for (const end = performance.now() + cleaning; ; await Bun.sleep(10_000)) {
    const remains = ledger.remains();
    if ((remains.length === 0 && ledger.remains().length === 0) || problems.length > 0) break;
    say(["erased content in files:", `${remains.length},`, ...remains.slice(0, 1)].join(" "));
    if (performance.now() > end) return void problems.push(...remains);
  }
  await heal();
  check();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => problems.push("it was interrupted"));
await live().catch((error: unknown) => problems.push(String(error)));
console.log(report());
if (problems.length > 0) {
  const kept = join(tmpdir(), `kioku-chaos-seed-${seed}`);
  for (const machine of machines) await stop(machine, "SIGKILL");
  rmSync(kept, { recursive: true, force: true });
  cpSync(network.folder, kept, { recursive: true });
  console.log(`WRONG with seed ${seed}; the hosts' files are in ${kept}\n${problems.slice(0, 40).join("\n")}`);
  process.exitCode = 1;
} else console.log("nothing lost, nothing resurrected, equal sets, no erased content in any file");
rmSync(build, { recursive: true });
