import { payloadOf, type Observation } from "../../src/core/observation.ts";
import { digestOf, type Record } from "../../src/core/record.ts";
import { openStore, recordOf, type Store } from "../../src/store/store.ts";

/** What the tests' clock shows. */
export const now = "2026-06-01T00:00:00.000000Z";

/** A database in memory by that clock. */
export const memoryStore = (clock = () => now): Store => openStore(":memory:", clock);

/** 32 hex digits from a short name. */
export const idOf = (name: string): string => new Bun.CryptoHasher("sha256").update(name).digest("hex").slice(0, 32);

export function observation(id: string, fields: Partial<Observation> & { [field: string]: unknown } = {}): Record {
  const whole: Observation = {
    content: "something worth keeping",
    agent_family: "claude",
    client_id: "me@atlas",
    pc_id: idOf("atlas"),
    session_id: "session-1",
    project: "",
    tags: [],
    observation_id: id,
    created_at: "2026-01-02T03:04:05.678900Z",
    memory_type: "note",
    importance: 2,
    subject: "",
    summary: "",
    source_files: [],
    references: [],
    supersedes: [],
    visibility: "mesh",
    scope_id: "",
    expires_at: "",
    ...fields,
  };
  return recordOf("observation", id, payloadOf(whole));
}

export const tombstone = (id: string, deleted_at = "2026-02-01T00:00:00.000000Z", reason = ""): Record =>
  recordOf("tombstone", id, payloadOf({ observation_id: id, reason, deleted_at }));

export const erasure = (id: string, erased_at = "2026-03-01T00:00:00.000000Z"): Record =>
  recordOf("erasure", id, payloadOf({ observation_id: id, erased_at }));

/** A record of a kind that a later version may have. */
export const unknown = (id: string, payload: string): Record => ({
  kind: "covenant",
  id,
  digest: digestOf(payload),
  at: "",
  payload,
});

/** The record as a host passes it on that has erased its content. */
export const bare = (record: Record): Record => ({ ...record, payload: null });
