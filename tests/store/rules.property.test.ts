import { expect, test } from "bun:test";
import { emptySet, fingerprintOf, withElement } from "../../src/core/fingerprint.ts";
import { readObservation } from "../../src/core/observation.ts";
import { elementOf, type Record } from "../../src/core/record.ts";
import { recordOf, type Store } from "../../src/store/store.ts";
import { seeded } from "../random.ts";
import { bare, erasure, idOf, memoryStore, now, observation, tombstone, unknown } from "./records.ts";

const seeds = Array.from({ length: 40 }, (_, i) => i + 1);
const ids = Array.from({ length: 12 }, (_, i) => idOf(`subject-${i}`));
const times = ["2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z", "2026-01-03T00:00:00.000000Z", "never"];

for (const seed of seeds) {
  test(`any order and repetition of the same records gives the same set (seed ${seed})`, () => {
    const chance = seeded(seed);
    const records = Array.from({ length: 60 }, (_, i) => anyRecord(chance, i));
    const expected = oracle(records);
    for (let round = 0; round < 4; round++) {
      const store = memoryStore();
      feed(store, chance.shuffled([...records, ...records.filter(() => chance.next() < 0.5)]), chance);
      expect(pictureOf(store)).toEqual(expected);
      store.rebuild();
      expect(pictureOf(store)).toEqual(expected);
      store.close();
    }
  });
}

type Chance = ReturnType<typeof seeded>;

function anyRecord(chance: Chance, i: number): Record {
  const id = chance.pick(ids);
  const time = chance.pick(times);
  const forms: (() => Record)[] = [
    () => observation(id, { content: `word${i}`, created_at: time, supersedes: [chance.pick(ids)] }),
    () => observation(id, { content: `word${i}`, created_at: time, expires_at: chance.pick(["", now]) }),
    () => recordOf("observation", id, chance.pick([`{"created_at": "${time}"}`, `word${i}`, ""])),
    () => tombstone(id, time, `reason ${i}`),
    () => erasure(id, time),
    () => unknown(id, `payload ${i % 3}`),
  ];
  const record = forms[[0, 0, 0, 1, 2, 3, 3, 4, 5][chance.below(9)]!]!();
  return chance.next() < 0.15 ? bare(record) : record;
}

/** Gives the records to the store in batches of any size, saved here or come from the mesh. */
function feed(store: Store, records: Record[], chance: Chance): void {
  for (let i = 0; i < records.length;) {
    const batch = records.slice(i, (i += 1 + chance.below(10)));
    if (chance.next() < 0.5) store.append(batch);
    else store.merge(batch);
  }
}

interface Picture {
  log: string[];
  fingerprint: string;
  observations: { [id: string]: { content: string; state: string } };
  findable: string[];
}

/** All that can be seen of a store, but what is this host's own (row numbers, arrival). */
function pictureOf(store: Store): Picture {
  const log = store.log.records(store.log.rows(0, 1000).map(({ seq }) => seq));
  const observations = Object.fromEntries(
    ids.flatMap((id) => {
      const found = store.observation(id, now);
      return found ? [[id, { content: found.observation.content, state: found.state }]] : [];
    }),
  );
  const findable = Object.keys(observations).filter((id) =>
    store
      .search(observations[id]!.content, { include_superseded: true }, now, 1000)
      .hits.some((found) => found.observation.observation_id === id),
  );
  return { log: log.map(essence).toSorted(), fingerprint: store.fingerprint().fingerprint, observations, findable };
}

/** The same picture from the rules alone: the union of the records, each identity decided at once. */
function oracle(records: Record[]): Picture {
  const kept = new Map<string, Record>();
  const erased = new Set(records.filter(({ kind }) => kind === "erasure").map(({ id }) => id));
  for (const [identity, claims] of Map.groupBy(records, ({ kind, id }) => `${kind} ${id}`)) {
    const winner = claims.toSorted(
      (a, b) =>
        Number(a.at === "") - Number(b.at === "") || a.at.localeCompare(b.at) || Buffer.compare(a.digest, b.digest),
    )[0]!;
    const payload = claims.find((claim) => claim.payload !== null && equal(claim.digest, winner.digest))?.payload;
    const gone = erased.has(winner.id) && (winner.kind === "observation" || winner.kind === "tombstone");
    kept.set(identity, { ...winner, payload: gone ? null : (payload ?? null) });
  }
  const readable = ids.flatMap((id) => {
    const payload = kept.get(`observation ${id}`)?.payload;
    const read = payload ? readObservation(payload, id) : undefined;
    return read ? [read] : [];
  });
  const alive = readable.filter((o) => !kept.has(`tombstone ${o.observation_id}`) && o.expires_at !== now);
  const observations = Object.fromEntries(
    readable.map((o) => {
      const by = alive.some((n) => n !== o && n.supersedes.includes(o.observation_id));
      const state = kept.has(`tombstone ${o.observation_id}`)
        ? "tombstoned"
        : by
          ? "superseded"
          : alive.includes(o)
            ? "live"
            : "expired";
      return [o.observation_id, { content: o.content, state }];
    }),
  );
  return {
    log: [...kept.values()].map(essence).toSorted(),
    fingerprint: fingerprintOf(
      [...kept.values()].reduce((sum, record) => withElement(sum, elementOf(record)), emptySet),
    ),
    observations,
    findable: Object.keys(observations).filter((id) => alive.some((o) => o.observation_id === id)),
  };
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function essence({ kind, id, digest, at, payload }: Record): string {
  return JSON.stringify([kind, id, Buffer.from(digest).toString("hex"), at, payload]);
}
