import { UserError } from "../../core/errors.ts";
import { readLine } from "./lines.ts";
import { decoded, type ForeignRow } from "./rows.ts";

/** Bytes of one line, far beyond any record, so that a file that is something else does not fill the memory. */
const longestLine = 256 * 1024 * 1024;

/**
 * The rows in a text: a JSON object on each line (an export), or arrays of objects (what searches print), on one line or
 * many. A line that cannot be read costs that line alone. Throws UserError where the text is nothing of the kind.
 */
export async function* textRows(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ForeignRow, void> {
  const elements = elementScanner();
  let number = 0;
  let isBegun = false;
  for await (const bytes of linesOf(stream)) {
    const where = `line ${++number}`;
    const text = decoded(bytes)
      ?.replace(/^\ufeff/, "")
      .trim();
    if (!isBegun && text !== "") {
      requireJson(bytes, text);
      isBegun = true;
    }
    if (text === undefined) yield { refused: "it is no valid UTF-8", where };
    else if (elements.isOpen() || text.startsWith("[")) {
      for (const element of elements.feed(`${text}\n`)) yield readLine(element, where);
    } else if (text !== "") yield readLine(text, where);
  }
  if (elements.isOpen()) yield { refused: "the array that begins here has no end", where: `line ${number}` };
}

function requireJson(bytes: Uint8Array, text: string | undefined): void {
  if (text !== undefined && /^[[{]/.test(text)) return;
  const isWide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  throw new UserError("usage", isWide ? "it is UTF-16, not UTF-8" : "it is neither a database nor JSON Lines", {
    hint: isWide ? "let the program write the file: kioku-mesh export --out FILE" : "see: kioku-mesh import --help",
  });
}

/** The lines of a stream, without their newlines. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      [parts, length, start] = [[], 0, end + 1];
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > longestLine) throw new UserError("corrupt", `a line is longer than ${longestLine} bytes`);
  }
  if (length > 0) yield Buffer.concat(parts);
}

/**
 * Takes arrays apart into the texts of their elements: parsing the whole would lose how numbers were written, and with it
 * the payload's bytes.
 */
function elementScanner() {
  let depth = 0;
  let isText = false;
  let isEscaped = false;
  let element = "";

  /** Takes one character; true where it ends an element. */
  function take(character: string): boolean {
    if (isText) {
      if (isEscaped) isEscaped = false;
      else if (character === "\\") isEscaped = true;
      else if (character === '"') isText = false;
      return false;
    }
    if (character === '"') isText = true;
    if (character === "[" || character === "{") depth++;
    if (character === "]" || character === "}") depth--;
    return depth === 0 || (depth === 1 && character === ",");
  }

  return {
    /** In the middle of an array. */
    isOpen: () => depth > 0,

    /** Goes on through the text; gives the elements that end in it. */
    feed(text: string): string[] {
      const ended: string[] = [];
      for (const character of text) {
        const wasOpen = depth > 0;
        const isEnd = take(character);
        if (wasOpen && !isEnd) element += character;
        if (!isEnd) continue;
        if (element.trim() !== "") ended.push(element.trim());
        element = "";
      }
      return ended;
    },
  };
}
