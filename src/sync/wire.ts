/** Thrown while reading a message that is not what it should be. Caught where the message came in. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

export type Writer = ReturnType<typeof createWriter>;

/** Puts bytes and numbers one after another. */
export function createWriter() {
  let buffer = new Uint8Array(256);
  let length = 0;

  function room(more: number): void {
    if (length + more <= buffer.length) return;
    const larger = new Uint8Array(Math.max(buffer.length * 2, length + more));
    larger.set(buffer.subarray(0, length));
    buffer = larger;
  }

  const writer = {
    byte(value: number): void {
      room(1);
      buffer[length++] = value;
    },
    /** A whole number from 0 to 2^53, in seven-bit groups, lowest first (LEB128). */
    number(value: number): void {
      let rest = value;
      for (; rest >= 128; rest = Math.floor(rest / 128)) writer.byte((rest % 128) + 128);
      writer.byte(rest);
    },
    /** Bytes whose number the reader knows. */
    raw(bytes: Uint8Array): void {
      room(bytes.length);
      buffer.set(bytes, length);
      length += bytes.length;
    },
    bytes(bytes: Uint8Array): void {
      writer.number(bytes.length);
      writer.raw(bytes);
    },
    done: () => buffer.slice(0, length),
  };
  return writer;
}

export type Reader = ReturnType<typeof createReader>;

/** Reads what a writer has put. Every method throws MalformedMessage where the bytes do not have it. */
export function createReader(bytes: Uint8Array) {
  let at = 0;

  const reader = {
    byte(): number {
      return reader.raw(1)[0]!;
    },
    number(): number {
      let value = 0;
      for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
        const group = reader.byte();
        value += (group & 127) * factor;
        if (group < 128) return check(value, Number.isSafeInteger(value));
      }
      throw new MalformedMessage("a number is too large");
    },
    /** A view of the next bytes. */
    raw(length: number): Uint8Array {
      check(length, length <= bytes.length - at);
      at += length;
      return bytes.subarray(at - length, at);
    },
    bytes(): Uint8Array {
      return reader.raw(reader.number());
    },
    /** How often something of at least so many bytes can still follow: bounds what a count may claim. */
    count(least: number): number {
      const count = reader.number();
      return check(count, count * least <= bytes.length - at);
    },
    end(): void {
      check(at, at === bytes.length);
    },
  };
  return reader;
}

function check<T>(value: T, holds: boolean): T {
  if (!holds) throw new MalformedMessage("the message is cut short or too long");
  return value;
}
