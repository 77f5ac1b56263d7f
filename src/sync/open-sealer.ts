import { parseObject, payloadJson } from "../core/json.ts";
import { readObservation } from "../core/observation.ts";
import { digestOf, isId, isTooLong, timeFields, tooLong, type Record } from "../core/record.ts";
import { parseTime } from "../core/time.ts";
import { decodeRecord, encodeRecord } from "../seal/envelope.ts";
import type { Sealer } from "./sealer.ts";

/** The part of the Python original's keys that says what lies under them. */
const words = { observation: "obs", tombstone: "tomb" } as const;
type SharedKind = keyof typeof words;

/** Above what the original cannot read, and none of its selectors matches. */
const ownSpace = "mem/kioku";

/** Zenoh takes keys of 64 KiB; whoever writes more into a field of an identity gets it cut. */
const longestSegment = 255;

export interface OpenSealerOptions {
  /** The payload of an observation that is here: its author's identity is part of its tombstone's key. */
  observation(id: string): string | undefined;
  /** Canonical time, for what the Python original orders without saying when. */
  now(): string;
}

/**
 * How records travel in an open mesh: what the Python original can read as its JSON under its keys, `mem/mesh/obs/…` and
 * the like by the record's visibility, so that both programs find what the other saves; all else (erasures, what was
 * erased, unknown kinds) as an envelope where it never looks. Nothing is secret and nothing is proven.
 */
export function openSealer({ observation, now }: OpenSealerOptions): Sealer {
  return {
    seal(record) {
      if (!isShared(record)) return { name: ownName(record), bytes: encodeRecord(record) };
      const author = record.kind === "observation" ? record.payload : observation(record.id);
      return { name: sharedName(record.kind, record.id, author), bytes: new TextEncoder().encode(record.payload) };
    },
    open({ name, bytes }) {
      if (name.startsWith(`${ownSpace}/`)) {
        const record = decodeRecord(Buffer.from(bytes));
        return record && ownName(record) === name ? record : "no envelope of a record, or not under its name";
      }
      const place = placeOf(name);
      if (!place) return "no key of a memory";
      if (isTooLong(bytes)) return tooLong;
      return sharedRecord(place, decode(bytes) ?? "");
    },
    sealMessage: (_, message) => message,
    openMessage: (_, message) => message,
    deletion(expression) {
      // The original's `gc --force-id` deletes by a wildcard over one id; an exact key is its housekeeping.
      const id = expression.split("/").at(-1)!;
      if (!expression.includes("*") || !isId(id)) return undefined;
      const payload = payloadJson({ observation_id: id, erased_at: now() });
      return { kind: "erasure", id, digest: digestOf(payload), at: now(), payload };
    },
  };
}

/** Whether the original can read a record, and whoever reads it there gets the same record. */
function isShared(record: Record): record is Record & { kind: SharedKind; payload: string } {
  const { kind, id, payload, at } = record;
  if (payload === null || !isSharedKind(kind)) return false;
  const read = sharedRecord({ kind, id }, payload);
  if (typeof read === "string" || read.at !== at) return false;
  return kind === "tombstone" || readObservation(payload, id) !== undefined;
}

/** The original's key for a record, from its author's identity and visibility; `unknown` where these are not here. */
function sharedName(kind: SharedKind, id: string, author: string | null | undefined): string {
  const fields = author ? readObservation(author, id) : undefined;
  const { agent_family, client_id, pc_id, session_id, visibility, scope_id } = fields ?? {};
  const narrow = (visibility === "user" || visibility === "team") && scope_id;
  const scope = narrow ? `${visibility}/${segment(scope_id)}` : "mesh";
  const identity = [agent_family, client_id, pc_id, session_id].map((part) => segment(part || "unknown"));
  return `mem/${scope}/${words[kind]}/${identity.join("/")}/${id}`;
}

/** The same on every host. */
function ownName({ kind, id }: Record): string {
  return `${ownSpace}/${segment(kind)}/${id}`;
}

/** A part of a key, without what would change the key's shape; no reader of `**` sees parts that begin with `@`. */
function segment(text: string): string {
  const plain = text.slice(0, longestSegment).replaceAll(/[/*?$#\p{Cc}]|^@/gu, "-");
  return plain.toWellFormed();
}

/**
 * What a key of the original names: `mem/obs|tomb/…` until 0.7, later with a scope before it, then the four parts of an
 * identity: or more, because the original lets a `/` in one through, and then finds the record nowhere else again.
 */
function placeOf(name: string): { kind: SharedKind; id: string } | undefined {
  const match = /^mem\/(?:(?:mesh|user\/[^/]+|team\/[^/]+)\/)?(obs|tomb)\/(?:[^/]+\/){4,}([0-9a-f]{32})$/.exec(name);
  if (!match) return undefined;
  return { kind: match[1] === "obs" ? "observation" : "tombstone", id: match[2]! };
}

/** The record that a payload is under a key, or the reason why it is none. */
function sharedRecord({ kind, id }: { kind: SharedKind; id: string }, payload: string): Record | string {
  const fields = parseObject(payload);
  if (!fields) return "not a JSON object";
  if (fields.observation_id !== id) return "its id is not that of its key";
  return { kind, id, digest: digestOf(payload), at: parseTime(String(fields[timeFields[kind]] ?? "")) ?? "", payload };
}

function isSharedKind(kind: string): kind is SharedKind {
  return Object.hasOwn(words, kind);
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes); // a payload is kept to the byte
  } catch {
    return undefined; // foreign bytes are an expected outcome, told by the return value
  }
}
