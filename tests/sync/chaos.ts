import { isPreferred, type Record } from "../../src/core/record.ts";
import type { LoopbackMesh, Shelf } from "../../src/sync/loopback.ts";
import { protocol } from "../../src/sync/message.ts";
import type { Timing } from "../../src/sync/timing.ts";
import { areEqual, createWorld, setOf, type Host, type TestStore, type World } from "./world.ts";

/** A store whose disk can be copied. */
export interface ChaosStore extends TestStore {
  copy(): ChaosStore;
}

export interface ChaosOptions {
  seed: number;
  operations: number;
  createStore(): ChaosStore;
  timing?: Partial<Timing>;
}

/** A machine: its disk stays while its replicator comes and goes. */
interface Machine {
  place: string;
  id: string;
  store: ChaosStore;
  host: Host | undefined;
  backup: ChaosStore | undefined;
  /** Milliseconds by which its wall clock is off. */
  skew: number;
  /** It runs a release that speaks newer protocols too. */
  isNewer: boolean;
}

const mostMachines = 7;
/** Far above what it takes: half of the runs need 4 seconds, the slowest 20. */
const convergence = 60_000;

/**
 * Lets 2 to 7 hosts live through operations, faults and mishaps by chance, then mends everything and says what is wrong:
 * an empty list where all hosts hold the same set, with everything acknowledged in it that no disk took to its grave.
 */
export function runChaos({ seed, operations, createStore, timing }: ChaosOptions): string[] {
  const world = createWorld(seed, timing);
  const { network } = world;
  const below = (n: number) => Math.floor(world.random() * n);
  const one = <T>(items: readonly T[]): T | undefined => items[below(items.length)];
  const machines: Machine[] = [];
  const shelves: Shelf[] = [];
  /** The identities that must be on every host in the end, and what each was claimed to be. */
  const required = new Map<string, Record>();
  const everErased = new Set<string>();

  function start(machine: Machine): void {
    const scheduler = { ...world, clock: () => world.clock() + machine.skew };
    const connected = network.connect(machine.place);
    const mesh = machine.isNewer ? announcingMore(connected, world) : connected;
    machine.host = world.host(machine.store, { place: machine.place, id: machine.id, scheduler, mesh });
  }

  function crash(machine: Machine): void {
    machine.host?.mesh.crash?.();
    void machine.host?.replicator.stop();
    machine.host = undefined;
  }

  function add(store: ChaosStore, id: string): void {
    const machine: Machine = {
      place: `place-${machines.length}`,
      id,
      store,
      host: undefined,
      backup: undefined,
      skew: 0,
      isNewer: world.random() < 0.3,
    };
    if (world.random() < 0.6) shelves.push(network.shelve(machine.place));
    machines.push(machine);
    start(machine);
  }

  function append(machine: Machine, records: Record[]): void {
    machine.store.append(records);
    for (const record of records) {
      const claimed = required.get(identityOf(record));
      if (!claimed || isPreferred(record, claimed)) required.set(identityOf(record), record);
      if (record.kind === "erasure") everErased.add(record.id);
    }
    if (world.random() < 0.7) machine.host?.replicator.wake();
  }

  /** What no disk has any more cannot be asked for. It may still come, from a storage or out of the air. */
  function replaceDisk(machine: Machine, store: ChaosStore): void {
    crash(machine);
    machine.store = store;
    const kept = new Map<string, Record>();
    for (const { store: other } of machines) {
      for (const record of other.all()) {
        const known = kept.get(identityOf(record));
        if (!known || isPreferred(record, known)) kept.set(identityOf(record), record);
      }
    }
    for (const key of required.keys()) {
      const record = kept.get(key);
      if (record) required.set(key, record);
      else required.delete(key);
    }
    start(machine);
  }

  const observations = (machine: Machine) => machine.store.all().filter(({ kind }) => kind === "observation");
  const save = (machine: Machine, fields = {}) =>
    append(machine, [world.record("observation", undefined, { content: `c${below(1e9)}`, ...fields })]);

  const actions: { [name: string]: { weight: number; act(machine: Machine): void } } = {
    save: { weight: 30, act: (machine) => save(machine) },
    burst: {
      weight: 2,
      act(machine) {
        const count = world.random() < 0.1 ? 400 : below(40);
        append(
          machine,
          Array.from({ length: count }, () => world.record("observation", undefined, { content: "b" })),
        );
      },
    },
    supersede: {
      weight: 4,
      act: (machine) => save(machine, { supersedes: [one(observations(machine))?.id ?? ""] }),
    },
    delete: {
      weight: 10,
      act(machine) {
        const id = one(observations(machine))?.id;
        if (id) append(machine, [world.record("tombstone", id, { reason: `r${below(9)}` })]);
      },
    },
    deleteUnseen: {
      weight: 2, // of an observation that only another host has: the tombstone may arrive first
      act(machine) {
        const id = one(observations(one(machines)!))?.id;
        if (id) append(machine, [world.record("tombstone", id)]);
      },
    },
    expire: {
      weight: 2,
      act(machine) {
        const old = one(observations(machine));
        if (old) append(machine, [world.record("tombstone", old.id, { deleted_at: old.at, reason: "expired" })]);
      },
    },
    gc: {
      weight: 3,
      act(machine) {
        const dead = machine.store.all().filter(({ kind }) => kind === "tombstone");
        append(
          machine,
          dead.filter(({ id }) => !machine.store.find("erasure", id)).map(({ id }) => world.record("erasure", id)),
        );
      },
    },
    forceErase: {
      weight: 1,
      act(machine) {
        const id = one(observations(one(machines)!))?.id;
        append(machine, [world.record("erasure", id)]);
      },
    },
    newerKind: { weight: 3, act: (machine) => append(machine, [world.record("annotation", undefined, { about: 1 })]) },
    crash: { weight: 5, act: crash },
    restart: { weight: 8, act: (machine) => machine.host ?? start(machine) },
    partition: {
      weight: 4,
      act() {
        const sides: string[][] = [[], [], []];
        for (const { place } of machines) sides[below(3)]!.push(place);
        network.partition(...sides);
      },
    },
    heal: { weight: 4, act: () => network.heal() },
    router: { weight: 4, act: ({ place }) => network.setRouter(place, world.random() < 0.5) },
    wipe: { weight: 2, act: ({ place }) => network.wipe(place) },
    backUp: { weight: 4, act: (machine) => void (machine.backup = machine.store.copy()) },
    restore: { weight: 2, act: (machine) => machine.backup && replaceDisk(machine, machine.backup.copy()) },
    loseDisk: { weight: 1, act: (machine) => replaceDisk(machine, createStore()) },
    clone: {
      weight: 1,
      act: (machine) => void (machines.length < mostMachines && add(machine.store.copy(), machine.id)),
    },
    faults: {
      weight: 4,
      act: () => network.setFaults({ loss: below(5) / 10, duplication: below(4) / 10, delay: [1, 1 + below(800)] }),
    },
    setClock: { weight: 3, act: (machine) => void (machine.skew = (below(7) - 3) * below(100_000_000)) },
    wait: { weight: 10, act: () => world.run(below(20_000)) },
  };
  const bag = Object.values(actions).flatMap(({ weight, act }) => Array<typeof act>(weight).fill(act));

  for (let n = 2 + below(4); n > 0; n--) add(createStore(), `host-${machines.length}`);
  for (let i = 0; i < operations; i++) {
    one(bag)!(one(machines)!);
    world.run(below(10) === 0 ? below(3_000) : below(30));
  }

  network.setFaults({ loss: 0, duplication: 0, delay: [1, 20] });
  network.heal();
  for (const machine of machines) if (!machine.host) start(machine);
  const hosts = machines.map(({ host }) => host!);
  for (const { replicator } of hosts) replicator.wake();
  const settled = () => areEqual(hosts) && hosts.every(({ replicator }) => replicator.status().pending === 0);
  const end = world.now() + convergence;
  while (!settled() && world.now() < end) world.run(250);
  const problems = settled() ? [] : ["no convergence"];
  if (new Set(hosts.map(({ store }) => setOf(store))).size > 1) problems.push("the sets differ");
  for (const { store, place } of hosts) problems.push(...wrongIn(store, place, required, everErased));
  for (const { replicator, place } of hosts) {
    for (const [reason, count] of Object.entries(replicator.status().dropped)) {
      if (!reason.includes("too many")) problems.push(`${place} dropped ${count}: ${reason}`);
    }
    void replicator.stop();
  }
  return problems;
}

/** A mesh as a newer release uses it: it announces protocols, and says things, that this one does not know. */
function announcingMore(mesh: LoopbackMesh, { sealAnnouncement }: World): LoopbackMesh {
  return {
    ...mesh,
    announce(sealed) {
      const fields = JSON.parse(new TextDecoder().decode(sealed.subarray(8)));
      mesh.announce(sealAnnouncement(mesh.self, { ...fields, newest: protocol.newest + 1, mood: "fresh" }));
    },
  };
}

function wrongIn(store: TestStore, place: string, required: Map<string, Record>, everErased: Set<string>): string[] {
  const problems: string[] = [];
  for (const [key, record] of required) {
    const { kind, id } = record;
    const found = store.find(kind, id);
    if (!found) problems.push(`${place} lacks ${key}`);
    else if (isPreferred(record, found)) problems.push(`${place} has a later claim for ${key}`);
    else if (found.payload === null && !everErased.has(id)) problems.push(`${place} has no content for ${key}`);
    if (kind !== "erasure") continue;
    for (const content of ["observation", "tombstone"]) {
      if (store.find(content, id)?.payload) problems.push(`${place} still has the content of ${content}/${id}`);
    }
  }
  return problems;
}

function identityOf({ kind, id }: Record): string {
  return `${kind}/${id}`;
}
