import { emptySet, withElement } from "../../src/core/fingerprint.ts";
import { payloadJson } from "../../src/core/json.ts";
import { digestOf, elementOf, type Record } from "../../src/core/record.ts";
import { createElementSet } from "../../src/sync/elements.ts";
import type { Mesh } from "../../src/sync/mesh.ts";
import { createMemoryStore, type Base, type MemoryStore } from "./memory-store.ts";
import { createWorld, type Host } from "./world.ts";

const at = "2026-01-02T03:04:05.000000Z";
const content = "x".repeat(300);

/** Many hosts that have the same records in common: those are kept once, beside them each host keeps its own. */
export interface Common {
  base: Base;
  set: ReturnType<typeof createElementSet>;
}

/** Records that say little more than their number. */
export function common(count: number): Common {
  const digests = new Uint8Array(count * 32);
  const idOf = (seq: number) => `c0${seq.toString(16).padStart(30, "0")}`;
  const payloadOf = (seq: number) => payloadJson({ created_at: at, content, nonce: idOf(seq) });
  const row = (seq: number) => {
    const digest = digests.subarray((seq - 1) * 32, seq * 32);
    return { kind: "observation", id: idOf(seq), digest, at, payload: payloadOf(seq), seq, received: true };
  };
  const set = createElementSet();
  let sum = emptySet;
  for (let seq = 1; seq <= count; seq++) {
    digests.set(digestOf(payloadOf(seq)), (seq - 1) * 32);
    const element = elementOf(row(seq));
    set.add(element, seq);
    sum = withElement(sum, element);
  }
  return {
    base: {
      sum,
      row,
      find(kind, id) {
        const seq = Number.parseInt(id.slice(2), 16);
        return kind === "observation" && seq <= count && idOf(seq) === id ? row(seq) : undefined;
      },
    },
    set,
  };
}

/** What arrives at one peer. */
export interface Arrivals {
  announcements: number;
  /** Records published, and records in questions and answers, come by the bytes they have. */
  published: number;
  questions: number;
  answers: number;
  bytes: number;
}

const none = (): Arrivals => ({ announcements: 0, published: 0, questions: 0, answers: 0, bytes: 0 });

/** What has come to the peers since it was last asked. */
export interface Traffic {
  /** To a peer, on average. */
  mean: Arrivals;
  /** To the peer to which most bytes came. */
  busiest: Arrivals;
}

/** So many peers in virtual time on a loopback mesh, level at the start, with a meter at each. */
export function createCrowd({ peers, records, seed = 1 }: { peers: number; records: Common; seed?: number }) {
  const world = createWorld(seed);
  world.network.setFaults({ delay: [5, 50] });
  const meters: Arrivals[] = [];
  const hosts: Host[] = [];
  let expected = records.base.sum.count;

  function metered(mesh: Mesh): Mesh {
    const meter = none();
    meters.push(meter);
    const count = (what: Exclude<keyof Arrivals, "bytes">, bytes: Uint8Array) => {
      meter[what]++;
      meter.bytes += bytes.length;
    };
    return {
      ...mesh,
      open(listener) {
        mesh.open({
          ...listener,
          received(name, bytes) {
            count("published", bytes);
            listener.received(name, bytes);
          },
          present(peer, announcement) {
            count("announcements", announcement);
            listener.present(peer, announcement);
          },
          asked(from, question) {
            count("questions", question);
            return listener.asked(from, question);
          },
        });
      },
      async ask(peer, question, deadline) {
        const answer = await mesh.ask(peer, question, deadline);
        if (answer) count("answers", answer);
        return answer;
      },
    };
  }

  function join(store: MemoryStore, known?: { set: Common["set"]; cursor: number }): Host {
    const place = `p${hosts.length}`;
    const host = world.host(store, { place, mesh: metered(world.network.connect(place)), ...(known && { known }) });
    hosts.push(host);
    return host;
  }

  for (let i = 0; i < peers; i++) {
    const store = createMemoryStore(undefined, records.base);
    store.setState("mesh.id", "mesh");
    join(store, { set: createElementSet(records.set.parts()), cursor: expected });
  }

  return {
    ...world,
    hosts,

    /** A host that has nothing comes. */
    newcomer: (): Host => join(createMemoryStore()),

    /** A host saves some records at once. */
    save(host: Host, count = 1): void {
      const saved: Record[] = Array.from({ length: count }, () => world.record("observation", undefined, { content }));
      host.store.append(saved);
      host.replicator.wake();
      expected += count;
    },

    /** Lets time pass until every host has everything; how many milliseconds that took. */
    converge(limit: number): number {
      const from = world.now();
      let complete = 0; // hosts only gain: those that were seen complete stay so
      const next = () => {
        while (complete < hosts.length && hosts[complete]!.store.count() === expected) complete++;
        return complete === hosts.length;
      };
      return world.until(next, limit) ? world.now() - from : Number.POSITIVE_INFINITY;
    },

    /** What came since the last call. */
    traffic(): Traffic {
      const keys = Object.keys(none()) as (keyof Arrivals)[];
      const mean = none();
      for (const meter of meters) for (const key of keys) mean[key] += meter[key] / meters.length;
      const busiest = { ...meters.toSorted((a, b) => b.bytes - a.bytes)[0]! };
      for (const meter of meters) Object.assign(meter, none());
      return { mean, busiest };
    },

    stop: () => Promise.all(hosts.map(({ replicator }) => replicator.stop())),
  };
}
