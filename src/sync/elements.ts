/** Bytes of a fingerprint on the wire. */
export const fingerprintBytes = 16;

export type ElementSet = ReturnType<typeof createElementSet>;

const words = 8; // an element is 32 bytes
const stride = words + 2; // in the arena: the element, its reference, the next slot of the same bucket
const chunkSlots = 1024;
const maxDepth = 4; // 65,536 buckets: 15 elements in each at a million
const crowded = 16; // mean elements per bucket at which the buckets are divided

/**
 * A set of 32-byte elements, each with the number of its row in the log, that knows the fingerprint of every range. A
 * range is a prefix in hex digits: the elements are hashes, so that prefixes divide them evenly. For each prefix of up
 * to four digits the sum of its elements is kept; longer ones are added up when asked for.
 *
 * The fingerprint of all is that of core/fingerprint.ts, whose comment says what it is worth; that of a range is the same
 * over its elements alone. 43 MB at a million elements. The words are little-endian, as every platform of Bun is.
 */
export function createElementSet(from?: Parts) {
  const chunks: Uint32Array[] = from?.chunks ?? [];
  let own: boolean[] = []; // by chunk: not shared with another set, so that it may be written to
  const scratch = new Uint32Array(words);
  const scratchBytes = new Uint8Array(scratch.buffer);
  const digestInput = new Uint32Array(words + 1);
  const digest = new Uint8Array(32);
  let depth = from?.depth ?? 0;
  let levels = from?.levels ?? [level(0)];
  let heads = from?.heads ?? new Uint32Array(1); // the first slot of each bucket, counted from 1; 0 is none
  let slots = from?.slots ?? 0;
  let free = from?.free ?? 0;
  let size = from?.size ?? 0;

  function chunkOf(slot: number): Uint32Array {
    return chunks[Math.floor((slot - 1) / chunkSlots)]!;
  }

  /** The same, to write to. */
  function ownChunkOf(slot: number): Uint32Array {
    const i = Math.floor((slot - 1) / chunkSlots);
    if (!own[i]) chunks[i] = chunks[i]!.slice();
    own[i] = true;
    return chunks[i]!;
  }

  function offsetOf(slot: number): number {
    return ((slot - 1) % chunkSlots) * stride;
  }

  /** The bucket of the element in `scratch` at a depth: its first `at` hex digits as a number. */
  function bucket(at: number): number {
    return ((scratchBytes[0]! << 8) | scratchBytes[1]!) >>> (4 * (maxDepth - at));
  }

  /** The slot of the element in `scratch`, and the slot before it in its bucket. 0 is none. */
  function find(): { slot: number; before: number } {
    let before = 0;
    for (let slot = heads[bucket(depth)]!; slot !== 0; slot = chunkOf(slot)[offsetOf(slot) + words + 1]!) {
      const chunk = chunkOf(slot);
      const offset = offsetOf(slot);
      let i = 0;
      while (i < words && chunk[offset + i] === scratch[i]) i++;
      if (i === words) return { slot, before };
      before = slot;
    }
    return { slot: 0, before };
  }

  function takeSlot(): number {
    if (free !== 0) {
      const slot = free;
      free = chunkOf(slot)[offsetOf(slot) + words + 1]!;
      return slot;
    }
    if (slots % chunkSlots === 0) own[chunks.push(new Uint32Array(chunkSlots * stride)) - 1] = true;
    return ++slots;
  }

  /** Divides every bucket by the next hex digit. */
  function divide(): void {
    const old = heads;
    depth++;
    levels = [...levels, level(depth)];
    heads = new Uint32Array(16 ** depth);
    for (let slot of old) {
      while (slot !== 0) {
        const chunk = ownChunkOf(slot);
        const offset = offsetOf(slot);
        const next = chunk[offset + words + 1]!;
        scratch.set(chunk.subarray(offset, offset + words));
        chunk[offset + words + 1] = heads[bucket(depth)]!;
        heads[bucket(depth)] = slot;
        account(levels[depth]!, bucket(depth), 1);
        slot = next;
      }
    }
  }

  /** Adds the element in `scratch` to the sum of one node, or takes it away. */
  function account({ sums, counts }: Level, node: number, sign: 1 | -1): void {
    counts[node]! += sign;
    let carry = 0;
    for (let i = 0; i < words; i++) {
      const sum = sums[node * words + i]! + sign * scratch[i]! + carry;
      sums[node * words + i] = sum; // modulo 2^32
      carry = sum < 0 ? -1 : sum > 0xffff_ffff ? 1 : 0;
    }
  }

  function load(element: Uint8Array): void {
    scratchBytes.set(element);
  }

  /** Each element of a range and its row number, in no order worth relying on. The set must not change meanwhile. */
  function* members(prefix: string): Generator<Member, void> {
    const known = prefix.slice(0, depth);
    const width = 16 ** (depth - known.length);
    const from = nodeOf(known) * width;
    for (let i = from; i < from + width; i++) {
      for (let slot = heads[i]!; slot !== 0;) {
        const chunk = chunkOf(slot);
        const offset = offsetOf(slot);
        slot = chunk[offset + words + 1]!;
        const element = new Uint8Array(chunk.slice(offset, offset + words).buffer);
        if (prefix.length <= depth || hasPrefix(element, prefix)) yield { element, ref: chunk[offset + words]! };
      }
    }
  }

  /** Sum and count of a range deeper than the kept ones. */
  function sumOf(prefix: string): { level: Level; node: number } {
    const one = level(0);
    for (const { element } of members(prefix)) {
      load(element);
      account(one, 0, 1);
    }
    return { level: one, node: 0 };
  }

  function nodeFor(prefix: string): { level: Level; node: number } {
    return prefix.length <= depth ? { level: levels[prefix.length]!, node: nodeOf(prefix) } : sumOf(prefix);
  }

  return {
    get size() {
      return size;
    },

    /** False where it is a member already; its reference is then replaced. */
    add(element: Uint8Array, ref: number): boolean {
      load(element);
      const known = find().slot;
      if (known !== 0) {
        ownChunkOf(known)[offsetOf(known) + words] = ref;
        return false;
      }
      const slot = takeSlot();
      const chunk = ownChunkOf(slot);
      const offset = offsetOf(slot);
      chunk.set(scratch, offset);
      chunk[offset + words] = ref;
      chunk[offset + words + 1] = heads[bucket(depth)]!;
      heads[bucket(depth)] = slot;
      for (let at = 0; at <= depth; at++) account(levels[at]!, bucket(at), 1);
      if (++size > crowded * heads.length && depth < maxDepth) divide();
      return true;
    },

    /** False where it is no member. */
    remove(element: Uint8Array): boolean {
      load(element);
      const { slot, before } = find();
      if (slot === 0) return false;
      const chunk = ownChunkOf(slot);
      const offset = offsetOf(slot);
      if (before === 0) heads[bucket(depth)] = chunk[offset + words + 1]!;
      else ownChunkOf(before)[offsetOf(before) + words + 1] = chunk[offset + words + 1]!;
      chunk[offset + words + 1] = free;
      free = slot;
      for (let at = 0; at <= depth; at++) account(levels[at]!, bucket(at), -1);
      size--;
      return true;
    },

    count(prefix: string): number {
      const { level: at, node } = nodeFor(prefix);
      return at.counts[node]!;
    },

    /** 16 bytes: equal for equal ranges (core/fingerprint.ts says what else can be). */
    fingerprint(prefix: string): Uint8Array {
      const { level: at, node } = nodeFor(prefix);
      digestInput.set(at.sums.subarray(node * words, (node + 1) * words));
      digestInput[words] = at.counts[node]!;
      Bun.SHA256.hash(digestInput, digest);
      return digest.slice(0, fingerprintBytes);
    },

    members,

    /** What makes another set with the same members: a chunk is copied when either set writes to it. */
    parts(): Parts {
      own = [];
      return {
        chunks: [...chunks],
        levels: levels.map(({ sums, counts }) => ({ sums: sums.slice(), counts: counts.slice() })),
        heads: heads.slice(),
        depth,
        slots,
        free,
        size,
      };
    },
  };
}

interface Parts {
  chunks: Uint32Array[];
  levels: Level[];
  heads: Uint32Array;
  depth: number;
  slots: number;
  free: number;
  size: number;
}

export interface Member {
  element: Uint8Array;
  ref: number;
}

interface Level {
  sums: Uint32Array;
  counts: Uint32Array;
}

function level(depth: number): Level {
  return { sums: new Uint32Array(16 ** depth * words), counts: new Uint32Array(16 ** depth) };
}

function nodeOf(prefix: string): number {
  return prefix === "" ? 0 : Number.parseInt(prefix, 16);
}

function hasPrefix(element: Uint8Array, prefix: string): boolean {
  for (let i = 0; i < prefix.length; i++) {
    const digit = i % 2 === 0 ? element[i >> 1]! >> 4 : element[i >> 1]! & 15;
    if (digit !== Number.parseInt(prefix[i]!, 16)) return false;
  }
  return true;
}
