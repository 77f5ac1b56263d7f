import { parseTOML } from "confbox/toml";

/** A stretch of a text, `to` not included. */
export interface Span {
  from: number;
  to: number;
}

/** A `[table]` line, or a `key = value`, on lines of its own or inside of an inline table. */
export interface Statement {
  kind: "table" | "pair" | "inline pair";
  /** From the root of the document. */
  path: string[];
  /** Where the parts of the path stand that this statement writes itself: the last ones. */
  keys: Span[];
  /** Of a pair, its value. */
  value: Span;
  /** All of it: whole lines, with the line break, or the pair alone inside of an inline table. */
  whole: Span;
}

const bareKey = /[A-Za-z0-9_-]+/y;

/**
 * The statements of a TOML document in their order, each pair of an inline table behind the pair that holds the table;
 * what stands inside of arrays is left out. The text must be valid TOML: nothing is checked here.
 */
export function scanToml(text: string): Statement[] {
  const statements: Statement[] = [];
  let table: string[] = [];
  let at = 0;

  function skip(pattern: RegExp): void {
    pattern.lastIndex = at;
    at += pattern.exec(text)?.[0].length ?? 0;
  }
  const skipSpaces = () => skip(/[ \t]*/y);
  /** White space, line breaks and comments. */
  const skipBlank = () => skip(/(?:[ \t\r\n]|#[^\n]*)*/y);

  function readKeys(): { names: string[]; spans: Span[] } {
    const names: string[] = [];
    const spans: Span[] = [];
    for (;;) {
      skipSpaces();
      const from = at;
      if (text[at] === '"' || text[at] === "'") skipString();
      else skip(bareKey);
      spans.push({ from, to: at });
      names.push(keyName(text.slice(from, at)));
      skipSpaces();
      if (text[at] !== ".") return { names, spans };
      at++;
    }
  }

  /** Reads `key = value`; `base` is the table it is in, undefined inside of an array. */
  function readPair(base: string[] | undefined, kind: "pair" | "inline pair"): void {
    const from = at;
    const { names, spans } = readKeys();
    at++; // the equals sign
    skipSpaces();
    const path = base && [...base, ...names];
    const statement = path && { kind, path, keys: spans, value: { from: at, to: at }, whole: { from, to: at } };
    if (statement) statements.push(statement);
    skipValue(path);
    if (statement) statement.whole.to = statement.value.to = at;
  }

  function skipValue(path: string[] | undefined): void {
    if (text[at] === '"' || text[at] === "'") skipString();
    else if (text[at] === "[") skipItems("]", () => skipValue(undefined));
    else if (text[at] === "{") skipItems("}", () => readPair(path, "inline pair"));
    else skip(/[^,\]}#\r\n]*[^,\]}#\r\n\t ]/y);
  }

  function skipItems(end: string, item: () => void): void {
    at++;
    for (skipBlank(); text[at] !== end; skipBlank()) {
      if (at >= text.length) throw new Error("scanToml was given a text that is no TOML");
      if (text[at] === ",") at++;
      else item();
    }
    at++;
  }

  function skipString(): void {
    const quote = text[at]!;
    const escapes = quote === '"' ? "\\\\[^]|" : "";
    const long = text.startsWith(quote.repeat(3), at);
    const pattern = long
      ? `${quote}{3}(?:${escapes}(?!${quote}{3}(?!${quote}))[^${escapes && "\\\\"}])*${quote}{3}`
      : `${quote}(?:${escapes}[^${quote}${escapes && "\\\\"}])*${quote}`;
    skip(new RegExp(pattern, "y"));
  }

  for (;;) {
    skipBlank();
    if (at >= text.length) return statements;
    const from = text.lastIndexOf("\n", at - 1) + 1;
    if (text[at] === "[") {
      skip(/\[\[?/y);
      const { names, spans } = readKeys();
      table = names;
      skip(/\]\]?/y);
      statements.push({
        kind: "table",
        path: names,
        keys: spans,
        value: { from: at, to: at },
        whole: { from, to: at },
      });
    } else readPair(table, "pair");
    skip(/[^\n]*\n?/y);
    statements.findLast(({ kind }) => kind !== "inline pair")!.whole = { from, to: at };
  }
}

function keyName(key: string): string {
  return /^["']/.test(key) ? parseTOML<{ k: string }>(`k = ${key}`).k : key;
}
