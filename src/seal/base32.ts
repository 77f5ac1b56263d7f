const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Bytes in Crockford's base32, in lower case and without padding: no letter that is taken for a digit, no case. */
export function toBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5;) text += alphabet[(value >>> (bits -= 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}

/**
 * The bytes of a base32 text in either case, with `i` and `l` read as 1 and `o` as 0. Undefined where another character
 * stands in it, or where it is not what `toBase32` gives for any bytes (a length no bytes have, stray bits at the end).
 */
export function fromBase32(text: string): Uint8Array | undefined {
  const digits = text.toLowerCase().replace(/[il]/g, "1").replaceAll("o", "0");
  const bytes = new Uint8Array(Math.floor((digits.length * 5) / 8));
  let offset = 0;
  let bits = 0;
  let value = 0;
  for (const digit of digits) {
    const index = alphabet.indexOf(digit);
    if (index < 0) return undefined;
    value = (value << 5) | index;
    bits += 5;
    if (bits >= 8) bytes[offset++] = value >>> (bits -= 8);
    value &= (1 << bits) - 1;
  }
  return bits < 5 && value === 0 ? bytes : undefined;
}
