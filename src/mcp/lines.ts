const newline = 10;
const space = 32;

/** The lines of a byte stream that are not blank; in the place of one of more than `limit` bytes, undefined. */
export async function* linesOf(
  input: AsyncIterable<Uint8Array>,
  limit: number,
): AsyncGenerator<Uint8Array | undefined, void> {
  let parts: Uint8Array[] = [];
  let length = 0;

  function add(part: Uint8Array): void {
    length += part.length;
    if (length > limit)
      parts = []; // of a line that is too long, only the length is kept
    else if (part.length > 0) parts.push(part);
  }

  function* take(): Generator<Uint8Array | undefined> {
    const line = length > limit ? undefined : Buffer.concat(parts, length);
    [parts, length] = [[], 0];
    if (line === undefined || line.some((byte) => byte > space)) yield line;
  }

  for await (const chunk of input) {
    let rest = chunk;
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      add(rest.subarray(0, end));
      yield* take();
      rest = rest.subarray(end + 1);
    }
    add(rest);
  }
  yield* take();
}
