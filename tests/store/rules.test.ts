import { expect, test } from "bun:test";
import { digestOf, type Record } from "../../src/core/record.ts";
import { recordOf } from "../../src/store/store.ts";
import { bare, erasure, idOf, memoryStore, now, observation, tombstone, unknown } from "./records.ts";

const id = idOf("one");
const first = observation(id, { content: "the first claim", created_at: "2026-01-01T00:00:00.000000Z" });
const later = observation(id, { content: "a later claim", created_at: "2026-01-02T00:00:00.000000Z" });
const twin = observation(id, { content: "a claim of the same instant", created_at: "2026-01-01T00:00:00.000000Z" });
const undated = observation(id, { content: "a claim at no time", created_at: "31 February" });
const broken = recordOf("observation", id, `{"content": 7, "created_at": "2026-01-03T00:00:00.000000Z"}`);
const smaller = Buffer.compare(first.digest, twin.digest) < 0 ? first : twin;

/** Whatever the order, this is what one identity and its search come to. */
const cases: [behaviour: string, records: Record[], expected: { state?: string; content?: string; log: Record[] }][] = [
  ["an observation is live", [first], { state: "live", content: "the first claim", log: [first] }],
  [
    "a tombstone withdraws it",
    [first, tombstone(id)],
    { state: "tombstoned", content: "the first claim", log: [first, tombstone(id)] },
  ],
  [
    "a tombstone wins whatever its clock says",
    [first, tombstone(id, "1999-01-01T00:00:00.000000Z")],
    { state: "tombstoned", content: "the first claim", log: [first, tombstone(id, "1999-01-01T00:00:00.000000Z")] },
  ],
  [
    "a tombstone without a valid time wins too",
    [first, tombstone(id, "yesterday")],
    { state: "tombstoned", content: "the first claim", log: [first, tombstone(id, "yesterday")] },
  ],
  ["a tombstone alone is kept", [tombstone(id)], { log: [tombstone(id)] }],
  [
    "an unreadable tombstone withdraws as well",
    [first, recordOf("tombstone", id, "not JSON")],
    { state: "tombstoned", content: "the first claim", log: [first, recordOf("tombstone", id, "not JSON")] },
  ],
  ["an erasure destroys the content", [first, erasure(id)], { log: [bare(first), erasure(id)] }],
  [
    "an erasure destroys a tombstone's reason too",
    [first, tombstone(id, undefined, "it held a password"), erasure(id)],
    { log: [bare(first), bare(tombstone(id, undefined, "it held a password")), erasure(id)] },
  ],
  [
    "of two claims to one identity the earlier stays",
    [first, later],
    { state: "live", content: "the first claim", log: [first] },
  ],
  ["of two at the same instant the smaller digest stays", [first, twin], { state: "live", log: [smaller] }],
  [
    "a claim without a valid time comes last",
    [undated, later],
    { state: "live", content: "a later claim", log: [later] },
  ],
  ["an unreadable claim counts by its time like any other", [broken, later], { state: "live", log: [later] }],
  ["an unreadable claim can win, and is then kept unread", [broken, undated], { log: [broken] }],
  [
    "of two tombstones the earlier stays",
    [first, tombstone(id, "2026-02-02T00:00:00.000000Z"), tombstone(id, "2026-02-01T00:00:00.000000Z")],
    { state: "tombstoned", log: [first, tombstone(id, "2026-02-01T00:00:00.000000Z")] },
  ],
  [
    "a content comes after its digest, where nothing ordered it erased",
    [bare(first), first],
    { state: "live", content: "the first claim", log: [first] },
  ],
  ["a digest alone takes no content away", [first, bare(first)], { state: "live", log: [first] }],
  ["a preferred digest alone takes the place of a content", [later, bare(first)], { log: [bare(first)] }],
  [
    "erased content does not return under another claim",
    [erasure(id), later, first],
    { log: [bare(first), erasure(id)] },
  ],
  [
    "what this build does not know is kept beside",
    [first, unknown(id, "\ufeff\0 anything"), erasure(idOf("two"))],
    { state: "live", log: [first, unknown(id, "\ufeff\0 anything"), erasure(idOf("two"))] },
  ],
  [
    "an erasure leaves kinds it does not know alone",
    [unknown(id, "anything"), erasure(id)],
    { log: [unknown(id, "anything"), erasure(id)] },
  ],
];

for (const [behaviour, records, { state, content, log }] of cases) {
  test(behaviour, () => {
    for (const order of permutations(records)) {
      for (const sequence of [order, [...order, ...order], order.flatMap((record) => [record, record])]) {
        const store = memoryStore();
        for (const record of sequence) store.append([record]);
        const kept = store.log.rows(0, 100).map((row) => store.log.records([row.seq])[0]!);
        expect(kept.map(essence).toSorted()).toEqual(log.map(essence).toSorted());
        const found = store.observation(id, now);
        expect(found?.state).toBe(state as never);
        if (content) expect(found?.observation.content).toBe(content);
        expect(store.search("claim", {}, now, 10).hits).toHaveLength(state === "live" ? 1 : 0);
        expect(store.fingerprint().count).toBe(log.length);
        store.close();
      }
    }
  });
}

test("says of each record whether it is new, here already, or took another's place", () => {
  const store = memoryStore();
  expect(store.append([later, later, first, later])).toEqual(["inserted", "present", "replaced", "present"]);
});

test("content that was erased and comes again changes nothing, so that nobody passes it on for ever", () => {
  const store = memoryStore();
  store.append([first, erasure(id)]);
  const rows = store.log.rows(0, 10);
  expect(store.merge([first, bare(first)]).map(({ outcome, bare: empty }) => [outcome, empty])).toEqual([
    ["present", true],
    ["present", true],
  ]);
  expect(store.log.rows(0, 10)).toEqual(rows);
});

test("says of records from the mesh which row holds them, what they replaced and whether content is there", () => {
  const store = memoryStore();
  store.append([later]);
  expect(store.merge([first, bare(first), erasure(idOf("gone")), observation(idOf("gone"))])).toEqual([
    { outcome: "replaced", seq: 2, replaced: Buffer.from(later.digest), bare: false },
    { outcome: "present", seq: 2, replaced: undefined, bare: false },
    { outcome: "inserted", seq: 3, replaced: undefined, bare: false },
    { outcome: "inserted", seq: 4, replaced: undefined, bare: true },
  ] as never);
  expect(store.log.rows(0, 10).map(({ seq, received }) => [seq, received])).toEqual([
    [2, true],
    [3, true],
    [4, true],
  ]);
  expect(store.pending()).toBe(0);
});

test("a row number is never used twice, so nobody who follows the log misses a replaced record", () => {
  const store = memoryStore();
  store.append([later]);
  const seen = store.log.rows(0, 10).at(-1)!.seq;
  store.append([first]);
  expect(store.log.rows(seen, 10)).toHaveLength(1);
});

test("remembers when it first learned of an identity, also when a preferred record takes its place", () => {
  let time = "2026-06-01T00:00:00.000000Z";
  const store = memoryStore(() => time);
  store.append([tombstone(id, "2026-02-02T00:00:00.000000Z")]);
  time = "2026-06-02T00:00:00.000000Z";
  store.append([tombstone(id, "2026-02-01T00:00:00.000000Z")]);
  expect(store.record("tombstone", id)?.learned_at).toBe("2026-06-01T00:00:00.000000Z");
});

test("keeps bytes as they came: unknown fields, order, spaces, escapes, NUL", () => {
  const store = memoryStore();
  const payloads = [
    `{"x-later": {"a": [1, 2.50, null]},"content":"kept \\u00e9 é \\ud800",   "content_type" : "new", "tags": []}`,
    `{"content": "twice", "content": "the last one counts"}`,
    ` \n{"content": "読み取り専用 🗻"}\r\n`,
    `{"content": "raw nul \0 in text"}`,
  ];
  for (const [i, payload] of payloads.entries()) {
    store.append([recordOf("observation", idOf(`bytes-${i}`), payload)]);
    const row = store.record("observation", idOf(`bytes-${i}`))!;
    expect(row.payload).toBe(payload);
    expect(Buffer.from(row.digest).equals(digestOf(row.payload!))).toBe(true);
  }
});

test("an observation with fields and a type of a later version is shown as far as it is understood", () => {
  const store = memoryStore();
  store.append([observation(id, { memory_type: "insight" as never, mood: "sunny", visibility: "galaxy" as never })]);
  const { observation: read, payload } = store.observation(id, now)!;
  expect([read.memory_type, read.visibility]).toEqual(["note", ""]);
  expect(payload).toContain(`"memory_type": "insight"`);
  expect(payload).toContain(`"mood": "sunny"`);
});

test("hiding is this host's own: it shows as a state, is no part of the set, and can be undone", () => {
  const [store, other] = [memoryStore(), memoryStore()];
  other.append([first]);
  store.hide([id], "2026-05-01T00:00:00.000000Z"); // also before the observation comes
  store.append([first]);
  store.hide([id], "2026-05-02T00:00:00.000000Z");
  expect(store.observation(id, now)?.state).toBe("shadowed");
  expect([...store.exportPages()].flat().map(({ hidden_at }) => hidden_at)).toEqual(["2026-05-01T00:00:00.000000Z"]);
  expect(store.search("claim", {}, now, 10).hits).toEqual([]);
  expect(store.fingerprint()).toEqual(other.fingerprint());
  store.append([tombstone(id)]);
  expect(store.observation(id, now)?.state).toBe("tombstoned");
  const another = observation(idOf("another"), { content: "another claim" });
  store.append([another]);
  store.hide([another.id], "2026-05-01T00:00:00.000000Z");
  store.unhide([another.id]);
  expect(store.observation(another.id, now)?.state).toBe("live");
  expect(store.search("claim", {}, now, 10).hits).toHaveLength(1);
});

test("what a live observation supersedes is superseded, and live again when that one goes", () => {
  const store = memoryStore();
  const newer = observation(idOf("newer"), { content: "newer claim", supersedes: [id, idOf("newer")] });
  store.append([newer, first]);
  expect(store.observation(id, now)?.state).toBe("superseded");
  expect(store.observation(newer.id, now)?.state).toBe("live"); // nothing supersedes itself
  store.append([tombstone(newer.id)]);
  expect(store.observation(id, now)?.state).toBe("live");
});

test("an observation expires at its instant, without a record", () => {
  const store = memoryStore();
  store.append([observation(id, { content: "a claim for a while", expires_at: "2026-06-01T00:00:00.000001Z" })]);
  expect(store.observation(id, now)?.state).toBe("live");
  expect(store.observation(id, "2026-06-01T00:00:00.000001Z")?.state).toBe("expired");
  expect(store.search("claim", {}, "2026-06-01T00:00:00.000001Z", 10).hits).toEqual([]);
  const superseder = observation(idOf("newer"), { supersedes: [id], expires_at: "2026-06-01T12:00:00.000000Z" });
  store.append([superseder]);
  expect(store.observation(id, now)?.state).toBe("superseded");
  expect(store.observation(id, "2026-06-02T00:00:00.000000Z")?.state).toBe("expired");
});

test("what is unreadable or unknown is counted", () => {
  const store = memoryStore();
  store.append([
    first,
    recordOf("observation", idOf("2"), "[]"),
    recordOf("observation", idOf("3"), `{"subject": "no content"}`),
    recordOf("tombstone", idOf("4"), "{"),
    unknown(idOf("5"), "?"),
  ]);
  expect(store.unread()).toEqual({ unreadable: 2, unknown: 1 });
});

function essence({ kind, id: of, digest, at, payload }: Record): string {
  return JSON.stringify([kind, of, Buffer.from(digest).toString("hex"), at, payload]);
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}
