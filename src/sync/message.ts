import { parseObject } from "../core/json.ts";
import { shortestEnvelope } from "../seal/envelope.ts";
import { fingerprintBytes } from "./elements.ts";
import { idOffsets, readRanges, writeRanges, type Range } from "./reconcile.ts";
import { createReader, createWriter, MalformedMessage, type Reader, type Writer } from "./wire.ts";

/** The version of the messages below. Peers talk in the newest one that both understand; there is one so far. */
export const protocol = { newest: 1, oldest: 1 } as const;

/** Bytes of a message beyond which it is not read: a full one, and an observation of the largest size written in escapes. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** What a peer says about itself, to all and unasked. It may be old news, or a replay: never a proof of anything. */
export interface Announcement {
  /** Newest and oldest protocol version spoken. */
  newest: number;
  oldest: number;
  host: string;
  name: string;
  /** Size of its set and fingerprint of all of it, in hex. */
  count: number;
  fingerprint: string;
  /** Its wall clock, milliseconds since 1970. */
  clock: number;
  /** What the storage had when it came is in its set: whoever has all of that need not read the storage too. */
  read: boolean;
}

/**
 * Why the asker should stop and come back later:
 * - `asking`: "I am asking you, or am about to." Only before anything has moved, or both would stop.
 * - `fed`: "Another brings me records already, likely the same." Nothing is answered then.
 */
export type Busy = (typeof busyWords)[number];
const busyWords = ["no", "asking", "fed"] as const;

export interface Question {
  /** Where in an element this session cuts ids. */
  offset: number;
  ranges: Range[];
  /** What the other side lacks of what is already settled, as envelopes (seal/envelope.ts). */
  records: Uint8Array[];
}

export interface Answer {
  /** How many of the question's ranges it covers, from the first on; the rest must be asked again. */
  done: number;
  ranges: Range[];
  records: Uint8Array[];
  /** How many of the question's records could not be taken. */
  refused: number;
  busy: Busy;
  /** Size and fingerprint of the set as it is after the question's records. */
  count: number;
  fingerprint: Uint8Array;
  clock: number;
}

export function encodeAnnouncement({
  newest,
  oldest,
  host,
  name,
  count,
  fingerprint,
  clock,
  read,
}: Announcement): Uint8Array {
  const short = { host: shown(host, 64), name: shown(name, 48) };
  return new TextEncoder().encode(JSON.stringify({ newest, oldest, ...short, count, fingerprint, clock, read }));
}

/** Throws MalformedMessage. Fields that a newer version adds are ignored. */
export function decodeAnnouncement(bytes: Uint8Array): Announcement {
  const fields = parsed(new TextDecoder().decode(bytes));
  const { newest, oldest, host, name, count, fingerprint, clock } = fields;
  const numbers = [newest, oldest, count, clock].every((value) => Number.isSafeInteger(value) && Number(value) >= 0);
  const texts = [host, name, fingerprint].every((value) => typeof value === "string" && value.length <= 256);
  if (!numbers || !texts) throw new MalformedMessage("an announcement lacks what it must say");
  return {
    newest: Number(newest),
    oldest: Number(oldest),
    host: shown(String(host), 64),
    name: shown(String(name), 48),
    count: Number(count),
    fingerprint: String(fingerprint),
    clock: Number(clock),
    read: fields.read === true,
  };
}

/** Without what a terminal would obey, or what JSON writes at length; and a name, not a letter to whoever reads it. */
function shown(text: string, longest: number): string {
  return text.replace(/[\p{C}"\\]/gu, " ").slice(0, longest);
}

function parsed(text: string): { [key: string]: unknown } {
  const fields = parseObject(text);
  if (!fields) throw new MalformedMessage("an announcement is no object");
  return fields;
}

export function encodeQuestion({ offset, ranges, records }: Question): Uint8Array {
  const writer = createWriter();
  writer.byte(protocol.newest);
  writer.byte(offset);
  writeRanges(writer, ranges);
  writeRecords(writer, records);
  return writer.done();
}

/** Throws MalformedMessage. */
export function decodeQuestion(bytes: Uint8Array): Question {
  const reader = readerOf(bytes);
  const question = { offset: reader.byte(), ranges: readRanges(reader), records: readRecords(reader) };
  reader.end();
  if (question.offset < idOffsets.first || question.offset > idOffsets.last)
    throw new MalformedMessage("no such offset");
  return question;
}

export function encodeAnswer({ done, ranges, records, refused, busy, count, fingerprint, clock }: Answer): Uint8Array {
  const writer = createWriter();
  writer.byte(protocol.newest);
  writer.number(done);
  writeRanges(writer, ranges);
  writeRecords(writer, records);
  writer.number(refused);
  writer.byte(busyWords.indexOf(busy));
  writer.number(count);
  writer.raw(fingerprint);
  writer.number(clock);
  return writer.done();
}

/** Throws MalformedMessage. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const reader = readerOf(bytes);
  const answer = {
    done: reader.number(),
    ranges: readRanges(reader),
    records: readRecords(reader),
    refused: reader.number(),
    busy: busyWords[reader.byte()] ?? "no",
    count: reader.number(),
    fingerprint: reader.raw(fingerprintBytes).slice(),
    clock: reader.number(),
  };
  reader.end();
  return answer;
}

function readerOf(bytes: Uint8Array): Reader {
  if (bytes.length > maxMessageBytes) throw new MalformedMessage("a message is too large");
  const reader = createReader(bytes);
  if (reader.byte() !== protocol.newest) throw new MalformedMessage("a message of another protocol version");
  return reader;
}

function writeRecords(writer: Writer, records: readonly Uint8Array[]): void {
  writer.number(records.length);
  for (const record of records) writer.bytes(record);
}

function readRecords(reader: Reader): Uint8Array[] {
  return Array.from({ length: reader.count(shortestEnvelope) }, () => reader.bytes());
}
