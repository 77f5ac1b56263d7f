import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { digestOf, elementOf } from "../../src/core/record.ts";
import { encrypt } from "../../src/seal/aead.ts";
import { encodeRecord } from "../../src/seal/envelope.ts";
import { deriveKeys } from "../../src/seal/keys.ts";
import { recordSpace, wireName } from "../../src/seal/name.ts";
import { openRecord, sealRecord, type SealedRecord } from "../../src/seal/record-seal.ts";
import { erased, erasure, everyForm, foreignKeys, keys, observation, recordOf, tombstone } from "./records.ts";

for (const [form, record] of Object.entries(everyForm)) {
  test(`a sealed record opens as it was: ${form}`, () => {
    expect(openRecord(keys, sealRecord(keys, record))).toEqual(record);
  });
}

test("two hosts of a mesh seal one record to the same bytes under the same name", () => {
  const otherHost = deriveKeys(new Uint8Array(32).fill(1));
  expect(sealRecord(otherHost, { ...observation })).toEqual(sealRecord(keys, observation));
});

test("an erased record takes the place of its content: same name, other bytes", () => {
  const [whole, marker] = [sealRecord(keys, observation), sealRecord(keys, erased)];
  expect(marker.name).toBe(whole.name);
  expect(marker.bytes).not.toEqual(whole.bytes);
  expect(openRecord(keys, marker)).toEqual(erased);
});

test("kind, id and digest each change the name", () => {
  const others = [{ kind: "tombstone" }, { id: "0b".repeat(16) }, { digest: digestOf("other") }];
  const names = [{}, ...others].map((change) => wireName(keys, elementOf({ ...observation, ...change })));
  expect(new Set(names).size).toBe(4);
});

test("name and bytes show nothing of the record", () => {
  const { name, bytes } = sealRecord(keys, observation);
  expect(name).toMatch(new RegExp(`^${recordSpace(keys.meshId)}/[0-9a-f]{32}$`));
  const shown = `${name} ${Buffer.from(bytes).toString("latin1")} ${Buffer.from(bytes).toString("hex")}`;
  const secrets = ["staging", "billing", "atlas", "observation", "2026", observation.id.slice(0, 12)];
  for (const secret of [...secrets, Buffer.from(observation.digest).toString("hex", 0, 6)]) {
    expect(shown).not.toContain(secret);
  }
});

test("tombstones, erasures and erased records have one size, longer records sizes in steps", () => {
  const sizeOf = (payload: string) => sealRecord(keys, recordOf("observation", payload)).bytes.length;
  const small = [tombstone, erasure, erased].map((record) => sealRecord(keys, record).bytes.length);
  expect(new Set(small).size).toBe(1);
  expect(sizeOf("x".repeat(1_000))).toBe(sizeOf("x".repeat(1_020)));
});

test("a changed bit in any byte is refused", () => {
  const { name, bytes } = sealRecord(keys, observation);
  for (let index = 0; index < bytes.length; index++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[index]! ^= 1 << bit;
      expect(openRecord(keys, { name, bytes: changed })).toBe(index === 0 ? "unknownVersion" : "notAuthentic");
    }
  }
});

test("a record cut at any length, or with bytes after it, is refused", () => {
  const { name, bytes } = sealRecord(keys, observation);
  for (let length = 0; length < bytes.length; length++) {
    expect(openRecord(keys, { name, bytes: bytes.subarray(0, length) })).toBe("notAuthentic");
  }
  expect(openRecord(keys, { name, bytes: Buffer.concat([bytes, Buffer.alloc(1)]) })).toBe("notAuthentic");
});

test("a record moved to the name of another is refused", () => {
  const [one, other] = [sealRecord(keys, observation), sealRecord(keys, tombstone)];
  expect(openRecord(keys, { name: other.name, bytes: one.bytes })).toBe("notAuthentic");
  expect(openRecord(keys, { name: "", bytes: one.bytes })).toBe("notAuthentic");
});

test("a record of another mesh is refused, under its own name and under ours", () => {
  const foreign = sealRecord(foreignKeys, observation);
  expect(openRecord(keys, foreign)).toBe("notAuthentic");
  expect(openRecord(keys, { ...foreign, name: sealRecord(keys, observation).name })).toBe("notAuthentic");
});

test("a relay, which knows the mesh's id and every sealed byte, can neither open nor make a record", () => {
  const guessed = { ...foreignKeys, meshId: keys.meshId };
  expect(openRecord(guessed, sealRecord(keys, observation))).toBe("notAuthentic");
  expect(openRecord(keys, sealRecord(guessed, observation))).toBe("notAuthentic");
});

test("what is not sealed at all is refused", () => {
  const name = sealRecord(keys, observation).name;
  expect(openRecord(keys, { name, bytes: Buffer.from(observation.payload!) })).toBe("unknownVersion");
  expect(openRecord(keys, { name, bytes: new Uint8Array() })).toBe("notAuthentic");
  expect(openRecord(keys, { name, bytes: Uint8Array.of(1) })).toBe("notAuthentic");
  expect(openRecord(keys, { name, bytes: Uint8Array.of(2, 3, 4) })).toBe("unknownVersion");
});

/** What a faulty or malicious holder of the mesh key could send: any envelope, properly encrypted. */
function sealedByHand(name: string, envelope: Uint8Array, nonce?: Uint8Array): SealedRecord {
  const associatedData = Buffer.from(`kioku-mesh record v1\0${name}`);
  const hmac = createHmac("sha256", keys.recordNonce).update(associatedData).update("\0").update(envelope).digest();
  const sealing = { key: keys.recordSeal, nonce: nonce ?? hmac.subarray(0, 12), associatedData };
  return { name, bytes: Buffer.concat([Uint8Array.of(1), sealing.nonce, encrypt(sealing, envelope)]) };
}

test("what the key's holder seals otherwise than this version is told apart as malformed", () => {
  const { name, bytes } = sealRecord(keys, observation);
  const envelope = encodeRecord(observation);
  expect(sealedByHand(name, envelope).bytes).toEqual(bytes); // the helper itself is right
  expect(openRecord(keys, sealedByHand(name, Buffer.from("no envelope")))).toBe("malformed");
  expect(openRecord(keys, sealedByHand(name, new Uint8Array()))).toBe("malformed");
  expect(openRecord(keys, sealedByHand(name, envelope, new Uint8Array(12)))).toBe("malformed"); // a second form
});

test("a payload that its digest does not belong to is refused", () => {
  const lying = { ...observation, digest: digestOf("something else") };
  expect(openRecord(keys, sealRecord(keys, lying))).toBe("malformed");
});
