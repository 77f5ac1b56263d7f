import { digestOf, isId, isTooLong, tooLong, type Record } from "../core/record.ts";
import { parseTime } from "../core/time.ts";

const idLength = 16;
const digestLength = 32;
export const shortestEnvelope = 256;

/**
 * A record as bytes, one form for each record:
 *
 *     1 byte    1 with a payload, 0 erased
 *     1 byte    length of the kind, then the kind in UTF-8
 *     1 byte    length of the time, then the time (27 characters, or none)
 *     16 bytes  id
 *     32 bytes  digest, of an erased record only: otherwise it is the payload's
 *     4 bytes   length of the payload, big-endian, then the payload in UTF-8; none for an erased record
 *     zeros     up to `paddedLength`
 *
 * The kind is any text, so kinds this build does not know pass through. There is no compression: its result depends on
 * the library's version, and its length on the content. Throws a RangeError for a record that breaks the rules of
 * `core/record.ts`, which nobody could open.
 */
export function encodeRecord({ kind, id, digest, at, payload }: Record): Buffer {
  const kindLength = Buffer.byteLength(kind);
  if (kindLength < 1 || kindLength > 255) throw new RangeError("a record's kind has 1 to 255 bytes");
  if (!isId(id)) throw new RangeError("a record's id has 32 lowercase hex digits");
  if (at !== "" && parseTime(at) !== at) throw new RangeError("a record's time has six fractional digits, in UTC");
  if (digest.length !== digestLength) throw new RangeError(`a record's digest has ${digestLength} bytes`);
  if (payload !== null && isTooLong(payload)) throw new RangeError(tooLong);
  const bodyLength = payload === null ? digestLength : 4 + Buffer.byteLength(payload);
  const bytes = Buffer.alloc(paddedLength(3 + kindLength + at.length + idLength + bodyLength));
  let offset = bytes.writeUInt8(payload === null ? 0 : 1);
  offset = bytes.writeUInt8(kindLength, offset);
  offset += bytes.write(kind, offset);
  offset = bytes.writeUInt8(at.length, offset);
  offset += bytes.write(at, offset);
  offset += bytes.write(id, offset, "hex");
  if (payload === null) bytes.set(digest, offset);
  else bytes.write(payload, bytes.writeUInt32BE(bodyLength - 4, offset));
  return bytes;
}

/** The record in bytes that `encodeRecord` made, undefined for any others. */
export function decodeRecord(bytes: Buffer): Record | undefined {
  try {
    const record = readRecord(bytes);
    // Whatever is wrong with the bytes (a length, the padding, invalid UTF-8) shows as a difference here.
    return encodeRecord(record).equals(bytes) ? record : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a length beyond the end, or a record that breaks the rules
    throw error;
  }
}

function readRecord(bytes: Buffer): Record {
  let offset = 1;
  const take = (length: number) => bytes.subarray(offset, (offset += length));
  const kind = take(bytes.readUInt8(offset++)).toString();
  const at = take(bytes.readUInt8(offset++)).toString();
  const id = take(idLength).toString("hex");
  if (bytes[0] === 0) return { kind, id, digest: Uint8Array.from(take(digestLength)), at, payload: null };
  const length = bytes.readUInt32BE(offset);
  offset += 4;
  const payload = take(length).toString();
  return { kind, id, digest: digestOf(payload), at, payload };
}

/**
 * The length to which a record of that many bytes is padded before it is sealed, so that its size gives away little: at
 * least 256 (tombstones, erasures and what is erased all look alike), then Padmé's steps, which add at most 12 % and
 * leave O(log log n) bits to see (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication
 * with PURBs", PETS 2019, section 4).
 */
export function paddedLength(length: number): number {
  if (length <= shortestEnvelope) return shortestEnvelope;
  const exponent = Math.floor(Math.log2(length));
  const step = 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1);
  return Math.ceil(length / step) * step;
}
