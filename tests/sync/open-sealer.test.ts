import { describe, expect, test } from "bun:test";
import { payloadJson } from "../../src/core/json.ts";
import { digestOf, longestPayload, tooLong, type Record } from "../../src/core/record.ts";
import { recordOf } from "../../src/store/store.ts";
import { openSealer } from "../../src/sync/open-sealer.ts";
import { erasure, everyForm } from "../seal/records.ts";

const id = "0123456789abcdef0123456789abcdef";
const identity = { agent_family: "claude", client_id: "me@atlas", pc_id: "pc", session_id: "s-1" };
const author = "claude/me@atlas/pc/s-1";
const now = "2026-02-03T04:05:06.000000Z";

/** As the original 0.3 writes it; with what later versions add. */
const observation = (fields: object = {}) =>
  payloadJson({
    content: "再試行にはゆらぎが要る",
    ...identity,
    project: "デモ",
    tags: ["a"],
    observation_id: id,
    created_at: "2026-01-02T03:04:05.678901Z",
    memory_type: "note",
    ...fields,
  });
const tombstone = (fields: object = {}) =>
  payloadJson({ observation_id: id, reason: "古い", deleted_at: "2026-01-03T00:00:00.000001Z", ...fields });

const sealer = (known?: string) => openSealer({ observation: () => known, now: () => now });
const encode = (text: string) => new TextEncoder().encode(text);
const nameOf = (record: Record, known?: string) => sealer(known).seal(record).name;
const seen = (payload: string) => recordOf("observation", id, payload);

describe("the keys of an open mesh", () => {
  test.each([
    [{}, "mesh"],
    [{ visibility: "mesh" }, "mesh"],
    [{ visibility: "user", scope_id: "ann" }, "user/ann"],
    [{ visibility: "team", scope_id: "a-team" }, "team/a-team"],
    [{ visibility: "team", scope_id: "" }, "mesh"],
    [{ visibility: "secret", scope_id: "x" }, "mesh"],
    [{ visibility: "user", scope_id: "obs" }, "user/obs"],
    [{ visibility: "team", scope_id: "チーム*/?#$\n" }, "team/チーム------"],
    [{ visibility: "team", scope_id: "@all" }, "team/-all"],
  ])("follow the visibility %j", (fields, scope) => {
    const payload = observation(fields);
    expect(nameOf(seen(payload))).toBe(`mem/${scope}/obs/${author}/${id}`);
    expect(nameOf(recordOf("tombstone", id, tombstone()), payload)).toBe(`mem/${scope}/tomb/${author}/${id}`);
  });

  test("have an unknown author where the observation is not here, or names none", () => {
    const unknown = "unknown/unknown/unknown/unknown";
    expect(nameOf(recordOf("tombstone", id, tombstone()))).toBe(`mem/mesh/tomb/${unknown}/${id}`);
    const anonymous = observation({ agent_family: "", client_id: null, pc_id: 7, session_id: [] });
    expect(nameOf(seen(anonymous))).toBe(`mem/mesh/obs/${unknown}/${id}`);
  });

  test("keep their shape and their length, whatever an identity holds", () => {
    const hostile = { agent_family: "a/../b", client_id: "**", pc_id: "\ud800$", session_id: `${"x".repeat(254)}🦊` };
    const name = nameOf(seen(observation(hostile)));
    expect(name).toBe(`mem/mesh/obs/a-..-b/--/\ufffd-/${"x".repeat(254)}\ufffd/${id}`);
    expect(sealer().open({ name, bytes: encode(observation(hostile)) })).toEqual(seen(observation(hostile)));
  });
});

describe("what the original writes opens", () => {
  test.each([
    ["0.3", `mem/obs/${author}/${id}`, observation()],
    ["0.3, of an identity with a slash", `mem/obs/claude/a/b/pc/s-1/${id}`, observation({ client_id: "a/b" })],
    ["1.2", `mem/mesh/obs/${author}/${id}`, observation({ visibility: "mesh", scope_id: "", expires_at: "" })],
    ["1.2, of one user", `mem/user/ann/obs/${author}/${id}`, observation({ visibility: "user", scope_id: "ann" })],
    ["1.2, of a team called obs", `mem/team/obs/obs/${author}/${id}`, observation({ scope_id: "obs" })],
    ["a later version", `mem/mesh/obs/${author}/${id}`, `{"of_2030": {"a": 1}, ${observation().slice(1)}`],
    ["another program", `mem/mesh/obs/${author}/${id}`, `  ${observation().replaceAll('": ', '":')}\n`],
  ])("an observation of %s, to the byte", (_, name, payload) => {
    const record = seen(payload);
    expect(sealer().open({ name, bytes: encode(payload) })).toEqual(record);
    expect(record.at).toBe("2026-01-02T03:04:05.678901Z");
    expect(sealer().seal(record).bytes).toEqual(encode(payload));
  });

  test.each([`mem/tomb/${author}/${id}`, `mem/mesh/tomb/${author}/${id}`, `mem/team/tomb/tomb/${author}/${id}`])(
    "a tombstone at %s",
    (name) => {
      const record = recordOf("tombstone", id, tombstone());
      expect(sealer().open({ name, bytes: encode(tombstone()) })).toEqual(record);
    },
  );

  test("an invalid time, and content that is no text, are kept as they are", () => {
    for (const fields of [{ created_at: "soon" }, { created_at: 5 }, { content: { a: 1 } }]) {
      const payload = observation(fields);
      const opened = sealer().open({ name: `mem/mesh/obs/${author}/${id}`, bytes: encode(payload) });
      expect(opened).toEqual(seen(payload));
      const again = sealer().seal(opened as Record);
      expect(sealer().open(again)).toEqual(opened);
    }
  });
});

describe("what the original cannot read lies where it does not look, and opens as it was", () => {
  const forms = {
    ...everyForm,
    "erased tombstone": { ...everyForm.tombstone, payload: null },
    "observation without its id": recordOf("observation", id, observation({ observation_id: undefined })),
    "observation of another id": recordOf("observation", id, observation({ observation_id: "f".repeat(32) })),
    "observation that is no JSON": recordOf("observation", id, "\ufeff{"),
    "kind that an object has": { ...erasure, kind: "constructor" },
    "kind with a slash": { ...erasure, kind: "a/**" },
  };
  for (const [form, record] of Object.entries(forms)) {
    test(form, () => {
      const sealed = sealer().seal(record);
      expect(sealer().open(sealed)).toEqual(record);
      expect(sealed.name).toMatch(/^mem\/kioku\/[^/*?#$]+\/[0-9a-f]{32}$/);
    });
  }
});

test("a record that breaks the rules is not sealed", () => {
  expect(() => sealer().seal({ ...erasure, id: "x" })).toThrow(RangeError);
});

describe("what does not open", () => {
  const name = `mem/mesh/obs/${author}/${id}`;
  const own = sealer().seal(erasure);

  test.each([
    ["an id that is not the key's", name, observation({ observation_id: "f".repeat(32) })],
    ["no id", name, observation({ observation_id: undefined })],
    ["a list of the id", name, observation({ observation_id: [id] })],
    ["no object", name, `[${observation()}]`],
    ["a byte order mark", name, `\ufeff${observation()}`],
    ["nothing", name, ""],
    ["an id in capitals", name.replace(id, id.toUpperCase()), observation({ observation_id: id.toUpperCase() })],
    ["an id with more behind it", `${name}/x`, observation()],
    ["three parts of an identity", `mem/mesh/obs/claude/me/pc/${id}`, observation()],
    ["no word", `mem/mesh/${author}/${id}`, observation()],
    ["another word", `mem/mesh/observation/${author}/${id}`, observation()],
    ["another scope", `mem/world/obs/${author}/${id}`, observation()],
    ["a user without a name", `mem/user/obs/${author}/${id}`, observation()],
    ["another root", `msg/mesh/obs/${author}/${id}`, observation()],
  ])("%s", (_, key, payload) => {
    expect(sealer().open({ name: key, bytes: encode(payload) })).toBeString();
  });

  test("bytes that are no UTF-8", () => {
    const bytes = encode(observation());
    bytes[20] = 0xff;
    expect(sealer().open({ name, bytes })).toBeString();
  });

  test("what is longer than any record may be", () => {
    const payload = observation({ content: "é".repeat(longestPayload / 2) });
    expect(sealer().open({ name, bytes: encode(payload) })).toBe(tooLong);
  });

  test("an envelope cut short, changed, under another name, or under a key of the original", () => {
    const { bytes } = own;
    const flipped = Uint8Array.from(bytes, (byte, i) => (i === bytes.length - 1 ? 1 : byte));
    for (const broken of [bytes.subarray(0, 40), flipped, new Uint8Array()]) {
      expect(sealer().open({ ...own, bytes: broken })).toBeString();
    }
    for (const key of [own.name.replace("erasure", "covenant"), name, `mem/kioku/erasure/${id}`]) {
      expect(sealer().open({ name: key, bytes })).toBeString();
    }
  });
});

describe("a deletion", () => {
  const erased = { kind: "erasure", id, at: now };

  test.each([`mem/**/obs/**/${id}`, `mem/**/tomb/**/${id}`, `mem/obs/*/*/*/*/${id}`])(
    "of one id by a wildcard, %s, is an erasure",
    (expression) => {
      const record = sealer().deletion!(expression)!;
      expect(record).toMatchObject(erased);
      expect(record.digest).toEqual(digestOf(record.payload!));
      expect(sealer().open(sealer().seal(record))).toEqual(record);
    },
  );

  test.each([`mem/mesh/obs/${author}/${id}`, "mem/**", "mem/**/obs/**", `mem/**/${id}/*`, `mem/**/${id.slice(1)}*`])(
    "of %s is none",
    (expression) => expect(sealer().deletion!(expression)).toBeUndefined(),
  );
});
