import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Database } from "bun:sqlite";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { payloadJson } from "../../src/core/json.ts";
import { digestOf, type Record } from "../../src/core/record.ts";
import { timestamp } from "../../src/core/time.ts";
import { readMembership } from "../../src/mesh/membership.ts";
import { readRunning } from "../../src/router/running.ts";
import { openReplicaStore } from "../../src/store/replica.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { answerQuestion, usualRoom } from "../../src/sync/exchange.ts";
import { meshSealer } from "../../src/sync/mesh-sealer.ts";
import { encodeAnswer, encodeQuestion } from "../../src/sync/message.ts";
import { opening } from "../../src/sync/reconcile.ts";
import { createReplica } from "../../src/sync/replica.ts";
import {
  binary,
  createNetwork,
  eventually,
  invite,
  joinAsSpoke,
  must,
  viewOf,
  type Host,
  type Running,
} from "../mesh/hosts.ts";
import { arrivals } from "./arrivals.ts";
import { memories } from "./memories.ts";

/** How long a host took to hold everything, in milliseconds: from its start, and from when its router was ready. */
export interface CaughtUp {
  process: Running;
  all: number;
  ready: number;
}

const minutes = 60_000;

/** Processor seconds that a process has used. */
export function processorOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** A hub A and a spoke B that belong to one sealed mesh, and what is done with them; two more hosts besides. */
export async function createMeshBench() {
  const network = createNetwork(["a", "b", "c", "d"]);
  const [a, b] = network.hosts as [Host, Host, ...Host[]];
  try {
    await must(a.kioku(["init", "--mode", "hub", "--listen", a.address]));
    await joinAsSpoke(b, await invite(a));
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
  const databaseOf = (host: Host) => join(host.state, "memory.db");
  const routerOf = (host: Host) => readRunning(join(host.state, "mesh"));
  let seed = 0;

  /** Memories that no host has yet, as records. */
  function fresh(count: number): Record[] {
    return [...memories(count, ++seed)].map((observation) => {
      const payload = payloadJson({ ...observation });
      const { observation_id: id, created_at: at } = observation;
      return { kind: "observation", id, digest: digestOf(payload), at, payload };
    });
  }

  function inStore<T>(host: Host, work: (store: Store) => T): T {
    const store = openStore(databaseOf(host), () => timestamp(Date.now()));
    try {
      return work(store);
    } finally {
      store.close();
    }
  }

  /** Saves that many on a host, as an import does; gives the bytes of their payloads. */
  function append(host: Host, count: number): number {
    const records = fresh(count);
    inStore(host, (store) => {
      for (let from = 0; from < count; from += 1_000) store.append(records.slice(from, from + 1_000));
    });
    return records.reduce((sum, { payload }) => sum + Buffer.byteLength(payload!), 0);
  }

  /** Waits until a host has handed over all that it has. */
  async function published(host: Host): Promise<void> {
    const store = openStore(databaseOf(host), () => timestamp(Date.now()));
    const last = store.log.rows(0, Number.MAX_SAFE_INTEGER).at(-1)?.seq ?? 0;
    await eventually("all is published", () => Number(store.state("mesh.published") ?? 0) >= last, 5 * minutes);
    store.close();
  }

  return {
    network,
    a,
    b,
    routerOf,
    published,
    countOf: (host: Host) => inStore(host, (store) => store.fingerprint().count),

    /** Gives A that many records of its own, and B the same as if they had come from A. */
    async fill(count: number): Promise<{ bytes: number }> {
      const bytes = append(a, count);
      copyFileSync(databaseOf(a), databaseOf(b));
      inStore(b, (store) => store.setState("mesh.id", readMembership(join(a.state, "mesh"))!.meshId));
      const db = new Database(databaseOf(b));
      db.run("update record set received = 1");
      db.close();
      return { bytes };
    },

    /** Makes a host think that it was running a moment ago: then it does not read the storages at start. */
    beenHere: (host: Host) => inStore(host, (store) => store.setState("mesh.alive", String(Date.now()))),

    /** Saves that many on A while B is away; settles when A's storage has them. */
    async appendOn(host: Host, count: number): Promise<number> {
      const bytes = append(host, count);
      await published(host);
      return bytes;
    },

    /** Starts a host and waits until it holds that many records. */
    async startUntil(host: Host, target: number, argv?: string[]): Promise<CaughtUp> {
      const start = performance.now();
      const process = await host.start(argv);
      await eventually("the router is ready", () => routerOf(host) !== undefined);
      const ready = performance.now();
      const store = openStore(databaseOf(host), () => timestamp(Date.now()));
      await eventually("everything is here", () => store.fingerprint().count >= target, 6 * minutes);
      const end = performance.now();
      store.close();
      return { process, all: end - start, ready: end - ready };
    },

    /** Waits until both say that they are equal, with nothing pending. */
    async settled(): Promise<void> {
      await eventually(
        "equal sets",
        async () => {
          const [one, other] = await Promise.all([viewOf(a), viewOf(b)]);
          return one.fingerprint === other.fingerprint && one.pending === 0 && other.linked;
        },
        minutes,
      );
    },

    /** Waits until the storages have aligned, which they do every ten seconds: nothing but signs of life on the link. */
    async quiet(): Promise<void> {
      const quietFor = 13;
      for (let still = 0, at = network.traffic(b); still < quietFor;) {
        await Bun.sleep(1_000);
        const now = network.traffic(b);
        still = now - at < 15_000 ? still + 1 : 0;
        at = now;
      }
    },

    /** Bytes of the messages by which two hosts find that they hold the same. */
    equalSetsCost(host: Host): number {
      const membership = readMembership(join(host.state, "mesh"));
      if (membership?.kind !== "sealed") throw new Error("no sealed mesh");
      const sealer = meshSealer(membership.keys);
      return inStore(host, (store) => {
        const replica = createReplica(openReplicaStore(store), sealer, { local() {}, dropped() {}, many() {} });
        replica.refresh();
        const question = { offset: 8, ranges: opening(replica.set, false), records: [] };
        const { answer } = answerQuestion(replica, question, { room: usualRoom, busy: "no" });
        const [from, to] = ["0", "1"].map((digit) => digit.repeat(32)) as [string, string];
        const asked = sealer.sealMessage(
          { purpose: "question", from, to, context: new Uint8Array() },
          encodeQuestion(question),
        );
        const reply = encodeAnswer({ ...answer, clock: Date.now() });
        return (
          asked.length + sealer.sealMessage({ purpose: "answer", from: to, to: from, context: asked }, reply).length
        );
      });
    },

    /** Saves through an MCP server on A, until B's database has the row. */
    async live(turns: number): ReturnType<typeof arrivals> {
      const [command, ...args] = network.commandAt(a, [binary, "mcp", "serve"]) as [string, ...string[]];
      const env = { HOME: a.home, KIOKU_MESH_STATE_DIR: a.state, PATH: process.env.PATH ?? "" };
      const client = new Client({ name: "bench", version: "1" });
      await client.connect(new StdioClientTransport({ command, args, env }));
      const store = openStore(databaseOf(b), () => timestamp(Date.now()));
      const times = await arrivals(
        turns,
        client,
        { content: "live memory" },
        (id) => !!store.record("observation", id),
      );
      store.close();
      await client.close();
      return times;
    },

    [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
  };
}
