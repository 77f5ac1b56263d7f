import { elementOf, type Record } from "../../src/core/record.ts";
import { decodeRecord, encodeRecord } from "../../src/seal/envelope.ts";
import type { MessageBinding, Sealer } from "../../src/sync/sealer.ts";

/**
 * A sealer that hides nothing and costs little, with a checksum in place of authentication: for tests that run millions
 * of messages. Another key is another mesh.
 */
export function plainSealer(key = "mesh"): Sealer {
  const nameOf = (record: Record) => `${key}/${Buffer.from(elementOf(record)).toString("hex")}`;
  const sum = (binding: MessageBinding, message: Uint8Array) => {
    const { purpose, from, to, context } = binding;
    const hash = Bun.hash(message, Bun.hash(context, Bun.hash(JSON.stringify([key, purpose, from, to])) as bigint));
    return Buffer.from(new BigUint64Array([BigInt(hash)]).buffer);
  };
  return {
    seal: (record) => ({ name: nameOf(record), bytes: encodeRecord(record) }),
    open({ name, bytes }) {
      const record = decodeRecord(Buffer.from(bytes));
      return record && nameOf(record) === name ? record : "not authentic";
    },
    sealMessage: (binding, message) => Buffer.concat([sum(binding, message), message]),
    openMessage(binding, sealed) {
      const message = Uint8Array.from(sealed.subarray(8));
      return sum(binding, message).equals(sealed.subarray(0, 8)) ? message : "not authentic";
    },
  };
}
