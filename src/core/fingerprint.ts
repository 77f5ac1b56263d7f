/**
 * A set of records as two numbers that follow each insertion without reading the rest: how many, and the sum of their
 * elements (core/record.ts) as little-endian numbers modulo 2^256. Any order gives the same.
 */
export interface SetSum {
  count: number;
  sum: bigint;
}

export const emptySet: SetSum = { count: 0, sum: 0n };

/** The set with one more element, or with one fewer. */
export function withElement({ count, sum }: SetSum, element: Uint8Array, sign: 1 | -1 = 1): SetSum {
  const value = BigInt(`0x${Buffer.from(element).reverse().toString("hex")}`);
  return { count: count + sign, sum: BigInt.asUintN(256, sign === 1 ? sum + value : sum - value) };
}

/**
 * 32 hex digits: SHA-256 over the sum (32 bytes) and the count (4 bytes), both little-endian, cut to 16 bytes. Equal for
 * equal sets, and for others by no accident. Someone free to choose some ten thousand records can find two sets of one sum
 * (Wagner, "A Generalized Birthday Problem", 2002: some 2^32 steps), and so keep his own records from some hosts, or one of
 * others that he knows. Free to choose are holders of the mesh key, everyone in an open mesh, and the author of an import
 * for his own records: none of them gains by it (docs/security.md). Who only writes what agents save chooses no ids.
 */
export function fingerprintOf({ count, sum }: SetSum): string {
  const bytes = Buffer.alloc(36);
  Buffer.from(sum.toString(16).padStart(64, "0"), "hex").reverse().copy(bytes);
  bytes.writeUInt32LE(count, 32);
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 32);
}
