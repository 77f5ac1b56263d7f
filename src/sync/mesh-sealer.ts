import type { MeshKeys } from "../seal/keys.ts";
import { openMessage, sealMessage } from "../seal/message-seal.ts";
import { openRecord, sealRecord } from "../seal/record-seal.ts";
import type { Sealer } from "./sealer.ts";

/** The sealer of a sealed mesh, from its keys. */
export function meshSealer(keys: MeshKeys): Sealer {
  return {
    seal: (record) => sealRecord(keys, record),
    open: (sealed) => openRecord(keys, sealed),
    sealMessage: (binding, message) => sealMessage(keys, binding, message),
    openMessage: (binding, sealed) => openMessage(keys, binding, sealed),
  };
}
