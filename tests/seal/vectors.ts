import { createHash } from "node:crypto";
import { elementOf } from "../../src/core/record.ts";
import { meshAuthority } from "../../src/seal/authority.ts";
import { fromPem } from "../../src/seal/certificate.ts";
import { encodeRecord } from "../../src/seal/envelope.ts";
import { encodeJoinCode } from "../../src/seal/join-code.ts";
import { sealMessage } from "../../src/seal/message-seal.ts";
import { sealRecord } from "../../src/seal/record-seal.ts";
import { everyForm, keys } from "./records.ts";

const meshKey = new Uint8Array(32).fill(1); // the one that `records.ts` derives its keys from
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** What `vectors.json` holds. A change of it means that hosts of different versions no longer understand each other. */
export function vectors() {
  const { meshId, ...secrets } = keys;
  const derived = Object.entries(secrets).map(([name, secret]) => [name, hex(secret.export())]);
  const records = Object.entries(everyForm).map(([form, record]) => {
    const { name, bytes } = sealRecord(keys, record);
    const [element, envelope] = [hex(elementOf(record)), hex(encodeRecord(record))];
    return { form, record: { ...record, digest: hex(record.digest) }, element, name, envelope, sealed: hex(bytes) };
  });
  const binding = { purpose: "answer", from: "anna", to: "ben", context: Uint8Array.of(1, 2, 3) };
  const message = new TextEncoder().encode("equal");
  const salted = sealMessage(keys, binding, message, (size) => new Uint8Array(size).fill(7));
  const authority = meshAuthority(keys).certificate;
  const addresses = ["192.168.1.10:7447", "hub.example:443"];
  return {
    meshKey: hex(meshKey),
    keys: { meshId, ...Object.fromEntries(derived) },
    records,
    message: {
      binding: { ...binding, context: hex(binding.context) },
      plaintext: hex(message),
      salt: "07".repeat(16),
      sealed: hex(salted),
    },
    authority: { certificate: authority, sha256: createHash("sha256").update(fromPem(authority)).digest("hex") },
    joinCode: { addresses, text: encodeJoinCode({ kind: "full", meshKey, addresses }) },
  };
}

if (import.meta.main) await Bun.write(`${import.meta.dir}/vectors.json`, `${JSON.stringify(vectors(), null, 2)}\n`);
