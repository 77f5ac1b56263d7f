import { expect, test } from "bun:test";
import { createECDH, X509Certificate } from "node:crypto";
import { decodeJoinCode } from "../../src/seal/join-code.ts";
import { openMessage } from "../../src/seal/message-seal.ts";
import { openRecord } from "../../src/seal/record-seal.ts";
import { everyForm, keys } from "./records.ts";
import committed from "./vectors.json";
import { vectors } from "./vectors.ts";

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

test("this version makes exactly the committed vectors", () => {
  expect(vectors()).toEqual(committed);
});

test("this version reads what the committed vectors hold", () => {
  for (const { form, name, sealed } of committed.records) {
    expect(openRecord(keys, { name, bytes: bytesOf(sealed) })).toEqual(everyForm[form as keyof typeof everyForm]);
  }
  const { binding, plaintext, sealed } = committed.message;
  const opened = openMessage(keys, { ...binding, context: bytesOf(binding.context) }, bytesOf(sealed));
  expect(Buffer.from(opened as Uint8Array).toString("hex")).toBe(plaintext);
  const { addresses, text } = committed.joinCode;
  expect(decodeJoinCode(text)).toEqual({ kind: "full", meshKey: bytesOf(committed.meshKey), addresses });
});

// The construction a second time, from its description, on another implementation of the primitives: WebCrypto.
const text = new TextEncoder();
const hmac = async (key: string, ...parts: (string | Uint8Array)[]) => {
  const imported = await crypto.subtle.importKey("raw", bytesOf(key), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return new Uint8Array(
    await crypto.subtle.sign("HMAC", imported, Buffer.concat(parts.map((part) => Buffer.from(part)))),
  );
};
const hkdf = async (key: Uint8Array<ArrayBuffer>, salt: Uint8Array<ArrayBuffer>, info: string, size: number) => {
  const imported = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt, info: text.encode(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, imported, size * 8));
};
const gcm = async (
  key: Uint8Array<ArrayBuffer>,
  iv: Uint8Array<ArrayBuffer>,
  additionalData: Buffer,
  sealed: string,
) => {
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const parameters = { name: "AES-GCM", iv, additionalData: Uint8Array.from(additionalData) };
  return Buffer.from(await crypto.subtle.decrypt(parameters, imported, bytesOf(sealed))).toString("hex");
};

test("the keys follow from the mesh key as described", async () => {
  const infos = {
    meshId: "mesh id v1",
    recordSeal: "record seal v1",
    recordNonce: "record nonce v1",
    recordName: "record name v1",
    message: "message v1",
    authority: "certificate authority v1",
  };
  const derived = Object.entries(infos).map(async ([name, info]) => {
    const size = committed.keys[name as keyof typeof infos].length / 2;
    const bytes = await hkdf(bytesOf(committed.meshKey), text.encode("kioku-mesh"), info, size);
    return [name, Buffer.from(bytes).toString("hex")];
  });
  expect(Object.fromEntries(await Promise.all(derived))).toEqual(committed.keys);
});

test("names and sealed records are made as described", async () => {
  for (const { name, element, envelope, sealed } of committed.records) {
    const hash = Buffer.from(await hmac(committed.keys.recordName, bytesOf(element))).toString("hex", 0, 16);
    expect(name).toBe(`kioku/${committed.keys.meshId}/record/${hash}`);
    const data = Buffer.from(`kioku-mesh record v1\0${name}`);
    const nonce = (await hmac(committed.keys.recordNonce, data, "\0", bytesOf(envelope))).slice(0, 12);
    expect(sealed.slice(0, 26)).toBe(`01${Buffer.from(nonce).toString("hex")}`);
    expect(await gcm(bytesOf(committed.keys.recordSeal), nonce, data, sealed.slice(26))).toBe(envelope);
  }
});

test("sealed messages are made as described", async () => {
  const { binding, plaintext, salt, sealed } = committed.message;
  const derived = await hkdf(bytesOf(committed.keys.message), bytesOf(salt), "kioku-mesh message v1", 44);
  const parts = [binding.purpose, binding.from, binding.to, bytesOf(binding.context)].map((part) => Buffer.from(part));
  const data = Buffer.concat(parts.flatMap((part) => [Uint8Array.of(0, 0, 0, part.length), part]));
  expect(sealed.slice(0, 34)).toBe(`01${salt}`);
  expect(await gcm(derived.slice(0, 32), derived.slice(32), data, sealed.slice(34))).toBe(plaintext);
});

test("the authority's key is its seed modulo the order of the curve less one, plus one", () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const scalar = (BigInt(`0x${committed.keys.authority}`) % (order - 1n)) + 1n;
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(scalar.toString(16).padStart(64, "0"), "hex");
  const { publicKey } = new X509Certificate(committed.authority.certificate);
  expect(publicKey.export({ type: "spki", format: "der" }).toString("hex")).toEndWith(curve.getPublicKey("hex"));
});
