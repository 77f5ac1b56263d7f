import { parseObject, payloadJson } from "../core/json.ts";
import { readObservation, type Observation } from "../core/observation.ts";
import { digestOf, isId, timeFields, type Record, type RecordKind } from "../core/record.ts";
import { parseTime } from "../core/time.ts";
import type { Sealer } from "./sealer.ts";

/** The part of a key that says what lies under it. Kinds that the Python original lacks lie where it never looks. */
const words = { observation: "obs", tombstone: "tomb", erasure: "erasure" } as const;

export interface OpenSealerOptions {
  /** The payload of an observation that is here: its author's identity is part of its tombstone's key. */
  observation(id: string): string | undefined;
  /** Canonical time, for what the Python original orders without saying when. */
  now(): string;
}

/**
 * How records travel in an open mesh: plain JSON under the keys of the Python original, `mem/mesh/obs/…` and its like by
 * the record's visibility, so that both programs find what the other saves. Nothing is secret and nothing is proven.
 */
export function openSealer({ observation, now }: OpenSealerOptions): Sealer {
  return {
    seal(record) {
      const author = record.kind === "observation" ? record.payload : observation(record.id);
      const fields = (author && readObservation(author, record.id)) || undefined;
      return { name: keyOf(record, fields), bytes: new TextEncoder().encode(textOf(record)) };
    },
    open({ name, bytes }) {
      const place = placeOf(name);
      if (!place) return "no key of a memory";
      const text = decode(bytes);
      const fields = text === undefined ? undefined : parseObject(text);
      if (text === undefined || !fields) return "not a JSON object";
      return recordAt(place, text, fields) ?? "its id is not that of its key";
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

/** The key of a record, from its author's identity and visibility; `unknown` where its observation is not here. */
function keyOf({ kind, id }: Record, author: Observation | undefined): string {
  const { agent_family, client_id, pc_id, session_id, visibility = "", scope_id } = author ?? {};
  const scope =
    (visibility === "user" || visibility === "team") && scope_id ? `${visibility}/${segment(scope_id)}` : "mesh";
  const word = kind in words ? words[kind as RecordKind] : segment(kind);
  const identity = [agent_family, client_id, pc_id, session_id].map((part) => segment(part || "unknown"));
  return `mem/${scope}/${word}/${identity.join("/")}/${id}`;
}

/** A part of a key, without what would change the key's shape. */
function segment(text: string): string {
  return text.replaceAll(/[/*?$#\p{Cc}]/gu, "-");
}

/** An erased record takes the place of its content: an object that no reader takes for an observation. */
function textOf({ payload, digest, at }: Record): string {
  return payload ?? payloadJson({ erased: { digest: Buffer.from(digest).toString("hex"), at } });
}

interface Place {
  kind: string;
  id: string;
}

/** What a key names: `mem/obs|tomb/…` of the oldest versions, or one with a scope before it. */
function placeOf(name: string): Place | undefined {
  const match =
    /^mem\/(?:(?:mesh|user\/[^/]+|team\/[^/]+)\/)?([^/]+)\/[^/]+\/[^/]+\/[^/]+\/[^/]+\/([0-9a-f]{32})$/.exec(name);
  if (!match) return undefined;
  const [, word, id] = match;
  const known = (Object.keys(words) as RecordKind[]).find((kind) => words[kind] === word);
  return { kind: known ?? word!, id: id! };
}

function recordAt({ kind, id }: Place, payload: string, fields: { [key: string]: unknown }): Record | undefined {
  const { erased } = fields;
  if (typeof erased === "object" && erased !== null && !("observation_id" in fields)) {
    const { digest, at } = erased as { [key: string]: unknown };
    if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return undefined;
    return { kind, id, digest: Buffer.from(digest, "hex"), at: parseTime(String(at)) ?? "", payload: null };
  }
  if (fields.observation_id !== id) return undefined;
  const time = kind in timeFields ? fields[timeFields[kind as RecordKind]] : undefined;
  return { kind, id, digest: digestOf(payload), at: parseTime(String(time ?? "")) ?? "", payload };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined; // foreign bytes are an expected outcome, told by the return value
  }
}
