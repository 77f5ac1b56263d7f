import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createActs } from "./chaos-acts.ts";
import { createLedger, identitiesOf, setOf } from "./chaos-ledger.ts";
import { kinds, planRounds, type Kind, type Step } from "./chaos-plan.ts";
import { createNetwork, eventually, viewOf } from "./hosts.ts";
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
const convergence = 300_000;
/** After an erasure a router's files are made anew twice, with minutes between; and clocks were ahead by some. */
const cleaning = 25 * 60_000;

const build = mkdtempSync(join(tmpdir(), "kioku-chaos-"));
const clocks = wallClocks(build);
await using network = createNetwork(names, Object.fromEntries(names.map((name) => [name, clocks.right()])));
const { hosts } = network;
const ledger = createLedger(hosts);
const problems: string[] = [];
const wrong = (problem: string) => void problems.push(problem);
const { machines, begin, start, stop, acts } = createActs({ network, clocks, ledger, wrong, seed });
const counts = new Map<Kind, { done: number; idle: number }>(kinds.map((kind) => [kind, { done: 0, idle: 0 }]));
const convergences: number[] = [];
const since = performance.now();

function say(text: string): void {
  const seconds = Math.round((performance.now() - since) / 1_000);
  console.log(`${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, "0")} ${text}`);
}

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
  const healed = performance.now();
  let told = healed;
  await eventually(
    "all hosts are level",
    () => {
      const behind = notLevel();
      if (behind.length > 0 && performance.now() - told > 15_000) {
        told = performance.now();
        say(`not level yet: ${behind.join(", ")}`);
      }
      return behind.length === 0 || problems.length > 0;
    },
    convergence,
  );
  return performance.now() - healed;
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
  if (new Set(sets).size > 1) wrong("equal fingerprints, but not equal sets");
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

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => wrong("it was interrupted"));
await live().catch((error: unknown) => wrong(String(error)));
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
