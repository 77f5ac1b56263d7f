import { createReadStream } from "node:fs";

/** SHA-256 of a file in lower-case hex. */
export async function fileDigest(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hasher.update(chunk as Uint8Array);
  return hasher.digest("hex");
}

/** The digests in a `sha256sum` listing, by base name: upstream's second column is a path of its build machine. */
export function parseChecksums(text: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^([0-9a-fA-F]{64})\s+\*?(.+)$/.exec(line.trim());
    if (match) sums.set(match[2]!.split(/[\\/]/).at(-1)!, match[1]!.toLowerCase());
  }
  return sums;
}
