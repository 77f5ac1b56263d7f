import type { Repair, ServerEntry } from "../../core/agent.ts";
import { scanToml, type Span, type Statement } from "./toml-scan.ts";

/**
 * Edits to a server's entry in a TOML text, at `path`, such as `mcp_servers`, `NAME`. Comments, order, quoting and line
 * breaks elsewhere stay as they are, whichever of TOML's ways of writing a table the entry uses.
 */

/** The comment above what we write, that of the Python original: a person sees where it comes from, and we know it again. */
const mark = "# Added by `kioku-mesh mcp install --client codex-cli`. Re-run with --force to update.";
/** The same at the end of a text; the Python original adds another one each time it overwrites. */
const ours = /(^[ \t]*# Added by `kioku-mesh mcp install.*\r?\n)+(?![^])/m;

/** The text with the entry in it: in the place and the way of writing of the one that was there, else at the end. */
export function withEntry(text: string, path: readonly string[], entry: ServerEntry): string {
  const own = statementsOf(text, path);
  const place = own[0];
  if (place && place.kind !== "table") return withInline(text, path, own, entry);
  const block = breaks(text, `${mark}\n${tables(path, entry)}`);
  if (place) {
    const [first, ...rest] = blocks(text, own);
    return spliced(text, [[first!, block], ...rest.map((span): Edit => [padded(text, span), ""])]);
  }
  const parent = scanToml(text).find(
    (statement) => isAt(statement.path, path.slice(0, -1)) && isInlineTable(text, statement),
  );
  if (parent) return withInlineChild(text, parent, `${key(path.at(-1)!)} = ${inlineTable(entry)}`);
  const before = text === "" || text.endsWith("\n") ? text : text + breaks(text, "\n");
  return before + (text === "" ? "" : breaks(text, "\n")) + block;
}

/** The text without the entry, and without our comment above it. */
export function withoutEntry(text: string, path: readonly string[]): string {
  const own = statementsOf(text, path);
  const lines = own.filter(({ kind }) => kind !== "inline pair");
  const inline = own.filter(({ kind }) => kind === "inline pair");
  return spliced(text, [
    ...blocks(text, lines).map((span): Edit => [padded(text, span), ""]),
    ...removals(text, inline),
  ]);
}

/** The text with an entry repaired: only the values and keys that change are touched. */
export function withRepair(text: string, path: readonly string[], repair: Repair): string {
  const at = (...rest: string[]) => scanToml(text).find((s) => s.kind !== "table" && isAt(s.path, [...path, ...rest]));
  const edits: Edit[] = [];
  const command = at("command")!;
  if (repair.command !== undefined) edits.push([command.value, quoted(repair.command)]);
  const args = at("args");
  if (repair.args !== undefined && args) edits.push([args.value, list(repair.args)]);
  if (repair.args !== undefined && !args) edits.push(behind(text, command, `args = ${list(repair.args)}`));
  for (const [old, now] of repair.renamed) edits.push([at("env", old)!.keys.at(-1)!, key(now)]);
  const dropped = repair.dropped.map((old) => at("env", old)!);
  return spliced(text, [...edits, ...removals(text, dropped)]);
}

export { parseTOML as parse } from "confbox/toml";

type Edit = readonly [span: Span, replacement: string];

/** The outermost statements that write the entry: none that is part of another's value. */
function statementsOf(text: string, path: readonly string[]): Statement[] {
  const under = scanToml(text).filter((statement) => isAt(statement.path.slice(0, path.length), path));
  return under.filter(
    (inner) =>
      !under.some(
        (outer) => outer !== inner && outer.value.from <= inner.whole.from && inner.whole.to <= outer.value.to,
      ),
  );
}

/** Each comment ends with its line: were that left open, a row of number signs would take for ever to not match. */
const onlyComments = /^(?:[ \t\r\n]|#[^\n]*\n)*$/;

/** The lines of statements as stretches, each with the comments between its statements and our comment above it. */
function blocks(text: string, statements: Statement[]): Span[] {
  const spans: Span[] = [];
  for (const { whole } of statements) {
    const last = spans.at(-1);
    if (last && onlyComments.test(text.slice(last.to, whole.from))) last.to = whole.to;
    else spans.push({ ...whole });
  }
  return spans.map(({ from, to }) => ({ from: ours.exec(text.slice(0, from))?.index ?? from, to }));
}

/** A block with the empty line above it (at the start of the text: below it), so that its removal leaves no gap. */
function padded(text: string, { from, to }: Span): Span {
  const above = /(^|\n)[ \t]*\r?\n$/.exec(text.slice(0, from));
  if (above) return { from: above.index + above[1]!.length, to };
  return from > 0 ? { from, to } : { from, to: to + (/^[ \t]*\r?\n/.exec(text.slice(to))?.[0].length ?? 0) };
}

/** An entry of pairs becomes one inline table in the place of the first. */
function withInline(text: string, path: readonly string[], [first, ...rest]: Statement[], entry: ServerEntry): string {
  const own = first!.keys[path.length - (first!.path.length - first!.keys.length) - 1]!;
  const written = `${text.slice(first!.keys[0]!.from, own.to)} = ${inlineTable(entry)}`;
  return spliced(text, [[{ from: first!.keys[0]!.from, to: first!.value.to }, written], ...removals(text, rest)]);
}

function withInlineChild(text: string, { value }: Statement, pair: string): string {
  const inside = text.slice(value.from + 1, value.to - 1);
  const end = value.from + 1 + inside.trimEnd().length;
  const comma = inside.trim() === "" || inside.trimEnd().endsWith(",") ? " " : ", ";
  const close = inside.endsWith(" ") || inside.includes("\n") ? "" : " ";
  return spliced(text, [[{ from: end, to: end }, comma + pair + close]]);
}

/** What removes statements one by one: lines, or stretches of an inline table with the comma that goes with them. */
function removals(text: string, statements: Statement[]): Edit[] {
  const spans: Span[] = [];
  for (const { whole } of statements.filter(({ kind }) => kind === "inline pair")) {
    const last = spans.at(-1);
    if (last && /^\s*,\s*$/.test(text.slice(last.to, whole.from))) last.to = whole.to;
    else spans.push({ ...whole });
  }
  const lines = statements.filter(({ kind }) => kind !== "inline pair").map(({ whole }) => whole);
  return [...lines, ...spans.map((span) => withComma(text, span))].map((span) => [span, ""]);
}

function withComma(text: string, { from, to }: Span): Span {
  const after = /^\s*,[ \t]*/.exec(text.slice(to));
  if (after) return { from, to: to + after[0].length };
  return { from: /,?\s*$/.exec(text.slice(0, from))!.index, to };
}

/** A further pair for the table that a pair is in, behind it and written as it is. */
function behind(text: string, { kind, keys, value, whole }: Statement, pair: string): Edit {
  const prefix = text.slice(keys[0]!.from, keys.at(-1)!.from);
  if (kind === "inline pair") return [{ from: value.to, to: value.to }, `, ${prefix}${pair}`];
  const line = text.slice(whole.from, keys[0]!.from) + prefix + pair;
  const end = { from: whole.to, to: whole.to };
  return [end, breaks(text, text[whole.to - 1] === "\n" ? `${line}\n` : `\n${line}`)];
}

function isInlineTable(text: string, { kind, value }: Statement): boolean {
  return kind !== "table" && text[value.from] === "{";
}

function tables(path: readonly string[], { command, args, env }: ServerEntry): string {
  const table = path.map(key).join(".");
  const lines = [`[${table}]`, `command = ${quoted(command)}`];
  if (args.length > 0) lines.push(`args = ${list(args)}`);
  const variables = Object.entries(env).map(([name, value]) => `${key(name)} = ${quoted(value)}`);
  if (variables.length > 0) lines.push("", `[${table}.env]`, ...variables);
  return `${lines.join("\n")}\n`;
}

function inlineTable({ command, args, env }: ServerEntry): string {
  const variables = Object.entries(env).map(([name, value]) => `${key(name)} = ${quoted(value)}`);
  const pairs = [
    `command = ${quoted(command)}`,
    ...(args.length > 0 ? [`args = ${list(args)}`] : []),
    ...(variables.length > 0 ? [`env = { ${variables.join(", ")} }`] : []),
  ];
  return `{ ${pairs.join(", ")} }`;
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : quoted(name);
}

/** A basic string. JSON's escapes are TOML's too, but for DEL, which JSON leaves as it is and TOML forbids. */
function quoted(value: string): string {
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}

function list(values: readonly string[]): string {
  return `[${values.map(quoted).join(", ")}]`;
}

/** Lines in the line breaks of a text. */
function breaks(text: string, lines: string): string {
  return /\r\n/.test(text) ? lines.replaceAll("\n", "\r\n") : lines;
}

function isAt(path: readonly string[], wanted: readonly string[]): boolean {
  return path.length === wanted.length && path.every((name, i) => name === wanted[i]);
}

function spliced(text: string, edits: readonly Edit[]): string {
  const backwards = edits.toSorted(([a], [b]) => b.from - a.from);
  return backwards.reduce((edited, [{ from, to }, by]) => edited.slice(0, from) + by + edited.slice(to), text);
}
