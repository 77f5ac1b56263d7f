import { expect, test } from "bun:test";
import { deriveKeys, newMeshKey } from "../../src/seal/keys.ts";

const secretsOf = (meshKey: Uint8Array) => {
  const { meshId, ...secrets } = deriveKeys(meshKey);
  return [meshId, ...Object.values(secrets).map((secret) => secret.export().toString("hex"))];
};

test("a mesh key gives the same keys every time, and no two of them are alike", () => {
  const meshKey = newMeshKey();
  expect(secretsOf(meshKey)).toEqual(secretsOf(Uint8Array.from(meshKey)));
  expect(new Set(secretsOf(meshKey).map((hex) => hex.slice(0, 32))).size).toBe(6);
});

test("one bit of the mesh key changes every key and the mesh's id", () => {
  const meshKey = newMeshKey();
  const before = secretsOf(meshKey);
  meshKey[31]! ^= 1;
  const after = secretsOf(meshKey);
  expect(before.filter((hex) => after.includes(hex))).toEqual([]);
});

test("a mesh key of another length is refused", () => {
  expect(() => deriveKeys(new Uint8Array(31))).toThrow(RangeError);
});

test("a new mesh key comes from the random source it is given", () => {
  expect(newMeshKey((size) => new Uint8Array(size).fill(9))).toEqual(new Uint8Array(32).fill(9));
  expect(newMeshKey()).not.toEqual(newMeshKey());
});

test("keys that end up in a log or a JSON text show nothing but the mesh's id", () => {
  const meshKey = newMeshKey();
  const shown = `${Bun.inspect(deriveKeys(meshKey), { depth: 9 })}${JSON.stringify(deriveKeys(meshKey))}`;
  const [meshId, ...secrets] = secretsOf(meshKey);
  expect(shown).toContain(meshId!);
  for (const secret of secrets) expect(shown).not.toContain(secret.slice(0, 8));
});
