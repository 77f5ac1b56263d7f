import { payloadJson } from "../../src/core/json.ts";
import { digestOf, type Record } from "../../src/core/record.ts";
import { timestamp } from "../../src/core/time.ts";
import { createLoopback, type LoopbackMesh } from "../../src/sync/loopback.ts";
import type { Mesh, PeerId } from "../../src/sync/mesh.ts";
import type { ReplicaStore } from "../../src/sync/replica-store.ts";
import { createReplicator, type Replicator, type ReplicatorOptions } from "../../src/sync/replicator.ts";
import type { Notice } from "../../src/sync/status.ts";
import type { Timing } from "../../src/sync/timing.ts";
import { plainSealer } from "./plain-sealer.ts";
import { createVirtualTime } from "./virtual-time.ts";

/** What a test needs of a host's database: what replication needs, and what the host's other processes do to it. */
export interface TestStore extends ReplicaStore {
  append(records: readonly Record[]): unknown;
  all(): Record[];
  count(): number;
}

export interface Host {
  place: string;
  id: string;
  store: TestStore;
  mesh: Mesh & Partial<LoopbackMesh>;
  replicator: Replicator;
  notices: Notice[];
}

export type World = ReturnType<typeof createWorld>;

/** Hosts in virtual time on a loopback mesh. */
export function createWorld(seed: number, timing: Partial<Timing> = {}) {
  const time = createVirtualTime(seed);
  const network = createLoopback(time);
  let ids = 0;

  const digits = (length: number) => Array.from({ length }, () => Math.floor(time.random() * 16).toString(16)).join("");

  return {
    ...time,
    network,

    /** Starts a replicator on a store, at a place of its own unless told otherwise. */
    host(store: TestStore, options: { place?: string; id?: string } & Partial<ReplicatorOptions> = {}): Host {
      const place = options.place ?? `place-${++ids}`;
      const id = options.id ?? `host-${place}`;
      const mesh: Host["mesh"] = options.mesh ?? network.connect(place);
      const notices: Notice[] = [];
      const replicator = createReplicator({
        mesh,
        meshId: "mesh",
        store,
        sealer: plainSealer(),
        scheduler: time,
        host: { id, name: id },
        notify: (notice) => notices.push(notice),
        timing,
        ...options,
      });
      replicator.start();
      return { place, id, store, mesh, replicator, notices };
    },

    /** What a peer that is no replicator would announce. */
    sealAnnouncement(from: PeerId, fields: object): Uint8Array {
      const message = new TextEncoder().encode(JSON.stringify(fields));
      return plainSealer().sealMessage({ purpose: "announcement", from, to: "", context: new Uint8Array() }, message);
    },

    /** A record as a host makes it: the fields beside content only tell kinds apart. */
    record(kind: string, id: string | undefined, fields: { [name: string]: unknown } = {}): Record {
      const at = timestamp(time.clock());
      const names: { [kind: string]: string } = {
        observation: "created_at",
        tombstone: "deleted_at",
        erasure: "erased_at",
      };
      const payload = payloadJson({ [names[kind] ?? "at"]: at, nonce: digits(8), ...fields });
      return { kind, id: id ?? digits(32), digest: digestOf(payload), at, payload };
    },
  };
}

/** The set of a store as text: equal texts are equal sets. */
export function setOf(store: TestStore): string {
  return store
    .all()
    .map(({ kind, id, digest }) => `${kind} ${id} ${Buffer.from(digest).toString("hex")}`)
    .toSorted()
    .join("\n");
}

/** True where all hosts hold the same set. */
export function areEqual(hosts: readonly Host[]): boolean {
  const [first, ...others] = hosts.map(({ replicator }) => replicator.status().fingerprint);
  return others.every((fingerprint) => fingerprint === first);
}
