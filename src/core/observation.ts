import { parseObject, payloadJson } from "./json.ts";
import { parseTime } from "./time.ts";

export const memoryTypes = ["bug", "config", "decision", "note", "pattern", "summary"] as const;
export type MemoryType = (typeof memoryTypes)[number];

export const visibilities = ["", "user", "team", "mesh"] as const;
export type Visibility = (typeof visibilities)[number];

/** Which agent, installation, machine and run wrote something. Found out by us, never told by a model. */
export interface Identity {
  agent_family: string;
  client_id: string;
  pc_id: string;
  session_id: string;
}

/** One immutable thing an agent noticed, in the fields and the order of the payload that travels. */
export interface Observation extends Identity {
  content: string;
  project: string;
  tags: string[];
  observation_id: string;
  created_at: string;
  memory_type: MemoryType;
  importance: number;
  subject: string;
  summary: string;
  source_files: string[];
  references: string[];
  supersedes: string[];
  visibility: Visibility;
  scope_id: string;
  expires_at: string;
}

/** Withdraws an observation. Its existence is enough: no clock is compared. */
export interface Tombstone {
  observation_id: string;
  reason: string;
  deleted_at: string;
}

/** Orders an observation's content destroyed everywhere. */
export interface Erasure {
  observation_id: string;
  erased_at: string;
}

/** The payload of a new record, in the key order of the fields given. */
export function payloadOf(value: Observation | Tombstone | Erasure): string {
  return payloadJson(value);
}

/**
 * Reads an observation's payload as tolerantly as the Python original: unknown fields are ignored here (the bytes keep
 * them), an unknown memory type reads as `note`, importance is clamped to 1..5. Identity comes from the payload, never
 * from the reader. Undefined where there is no object with a text content. `fields` is the object in the payload.
 */
export function readObservation(payload: string, id: string, fields = parseObject(payload)): Observation | undefined {
  if (!fields || typeof fields.content !== "string") return undefined;
  return {
    content: fields.content,
    agent_family: text(fields.agent_family),
    client_id: text(fields.client_id),
    pc_id: text(fields.pc_id),
    session_id: text(fields.session_id),
    project: text(fields.project),
    tags: texts(fields.tags),
    observation_id: id,
    created_at: parseTime(text(fields.created_at)) ?? "",
    memory_type: oneOf(memoryTypes, fields.memory_type) ?? "note",
    importance: clampImportance(fields.importance),
    subject: text(fields.subject),
    summary: text(fields.summary),
    source_files: texts(fields.source_files),
    references: texts(fields.references),
    supersedes: texts(fields.supersedes),
    visibility: oneOf(visibilities, fields.visibility) ?? "",
    scope_id: text(fields.scope_id),
    expires_at: parseTime(text(fields.expires_at)) ?? "",
  };
}

/** An importance as the original takes it: out of range is clamped to 1..5, no number at all is the default, 2. */
export function clampImportance(value: unknown): number {
  const number = Math.trunc(Number(value ?? 2));
  return Number.isFinite(number) ? Math.min(5, Math.max(1, number)) : 2;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((candidate) => candidate === value);
}
