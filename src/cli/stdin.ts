import { UserError } from "../core/errors.ts";
import { maxContentBytes } from "../ops/fields.ts";

/**
 * The text on standard input, without the newline that ends it. Throws UserError where it is no valid UTF-8, with the
 * place of the first wrong byte, or longer than a save may be. `read` gives at most so many bytes.
 */
export async function readText(read: (most: number) => Promise<Uint8Array>): Promise<string> {
  const bytes = await read(maxContentBytes + 2); // the newline at the end, and one more to see that it is too long
  if (bytes.length > maxContentBytes + 1) {
    throw new UserError("usage", `standard input is over the limit of ${maxContentBytes} bytes (1 MiB)`, {
      hint: "save the essence, and name the file it came from with --source-files",
    });
  }
  const valid = validPrefix(bytes);
  if (valid < bytes.length) {
    throw new UserError("usage", `standard input is no valid UTF-8: the first wrong byte is byte ${valid + 1}`, {
      hint: "convert it first, for example with `iconv -t utf-8`",
    });
  }
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, "");
}

/** How many bytes from the start are whole characters of UTF-8. */
function validPrefix(bytes: Uint8Array): number {
  if (isUtf8(bytes, false)) return bytes.length;
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (isUtf8(bytes.subarray(0, middle), true)) low = middle;
    else high = middle - 1;
  }
  while (low > 0 && !isUtf8(bytes.subarray(0, low), false)) low--; // back to where the broken character begins
  return low;
}

/** Whether bytes are UTF-8; with `open`, their last character may be cut off. */
function isUtf8(bytes: Uint8Array, open: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: open });
    return true;
  } catch {
    return false; // the answer to the question, not a failure
  }
}
