import { findNodeAtLocation, parseTree, type Node } from "jsonc-parser";
import type { Repair, ServerEntry } from "../../core/agent.ts";

/** Edits to a server's entry in a JSON text, at `path`, such as `mcpServers`, `NAME`. The rest stays byte for byte. */

/** The text with the entry in it, in the place of the one that was there, else behind the others. */
export function withEntry(text: string, path: readonly string[], { command, args, env }: ServerEntry): string {
  return withValue(text, path, { type: "stdio", command, args, env });
}

/** The text with a value behind the others of the list at a path, or with that list. Throws SyntaxError as `withValue`. */
export function withItem(text: string, path: readonly string[], value: unknown): string {
  const list = text.trim() === "" ? undefined : findNodeAtLocation(rootOf(text), [...path]);
  if (list && list.type !== "array") throw new SyntaxError(`${path.join(".")} is no list`);
  const last = list?.children!.at(-1);
  if (!last) return withValue(text, path, [value]);
  const between = isCompact(text, list!) ? ", " : `,${margin(text, path.length)}`;
  return spliced(text, endOf(last), endOf(last), between + json(text, list!, value, path.length - 1));
}

/** The text without the value at a path (of an object's member, or by its number in a list), and the comma with it. */
export function withoutEntry(text: string, path: readonly (string | number)[]): string {
  const value = findNodeAtLocation(rootOf(text), [...path]);
  if (!value) return text;
  const member = value.parent!.type === "property" ? value.parent! : value;
  const siblings = member.parent!.children!;
  const place = siblings.indexOf(member);
  const [before, after] = [siblings[place - 1], siblings[place + 1]];
  if (before) return spliced(text, endOf(before), endOf(member), "");
  if (after) return spliced(text, member.offset, after.offset, "");
  return spliced(text, member.parent!.offset + 1, endOf(member.parent!) - 1, "");
}

/** The text with an entry repaired: only the values and keys that change are touched. */
export function withRepair(text: string, path: readonly string[], repair: Repair): string {
  let edited = text;
  if (repair.command !== undefined) edited = withValue(edited, [...path, "command"], repair.command);
  if (repair.args !== undefined) edited = withValue(edited, [...path, "args"], repair.args);
  for (const old of repair.dropped) edited = withoutEntry(edited, [...path, "env", old]);
  for (const [old, now] of repair.renamed) {
    const key = findNodeAtLocation(rootOf(edited), [...path, "env", old])!.parent!.children![0]!;
    edited = spliced(edited, key.offset, endOf(key), JSON.stringify(now));
  }
  return edited;
}

/**
 * The text with a value at a path: the one there replaced, or a new one behind its siblings, with the objects it needs.
 * Throws SyntaxError where something else than an object is in the way.
 */
export function withValue(text: string, path: readonly string[], value: unknown): string {
  if (text.trim() === "") return `${JSON.stringify(nested(path, value), null, 2)}\n`;
  const root = rootOf(text);
  const there = findNodeAtLocation(root, [...path]);
  if (there)
    return spliced(text, there.offset, endOf(there), json(text, there.parent!.parent!, value, path.length - 1));
  let depth = path.length - 1;
  while (depth > 0 && !findNodeAtLocation(root, path.slice(0, depth))) depth--;
  const parent = depth === 0 ? root : findNodeAtLocation(root, path.slice(0, depth))!;
  if (parent.type !== "object") throw new SyntaxError(`${path.slice(0, depth).join(".")} is no object`);
  const member = `${JSON.stringify(path[depth])}: ${json(text, parent, nested(path.slice(depth + 1), value), depth)}`;
  const [indent, last] = [isCompact(text, parent) ? undefined : margin(text, depth + 1), parent.children!.at(-1)];
  if (last) return spliced(text, endOf(last), endOf(last), (indent === undefined ? ", " : `,${indent}`) + member);
  const inside = indent === undefined ? member : indent + member + margin(text, depth);
  return spliced(text, parent.offset + 1, endOf(parent) - 1, inside);
}

/** The value of a JSON text; no text at all is an empty object. Throws SyntaxError where it is no JSON. */
export function parse(text: string): unknown {
  return text.trim() === "" ? {} : JSON.parse(text);
}

function rootOf(text: string): Node {
  const root = parseTree(text);
  if (root?.type === "object") return root;
  throw new SyntaxError("the text is no JSON object");
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.toReversed().reduce((inner, name) => ({ [name]: inner }), value);
}

/** A value as the text around it is written: on one line, or on several from a depth on. */
function json(text: string, parent: Node, value: unknown, depth: number): string {
  if (isCompact(text, parent)) return JSON.stringify(value);
  return JSON.stringify(value, null, unit(text)).replaceAll("\n", margin(text, depth + 1));
}

/** True where an object's members stand on one line. An empty one is as the document is. */
function isCompact(text: string, { children = [], offset, parent }: Node): boolean {
  if (children.length > 0) return !text.slice(offset, children[0]!.offset).includes("\n");
  return parent?.parent ? isCompact(text, parent.parent) : false;
}

function margin(text: string, depth: number): string {
  return (text.includes("\r\n") ? "\r\n" : "\n") + unit(text).repeat(depth);
}

/** What one step of indentation is in a text. */
function unit(text: string): string {
  return /^([ \t]+)"/m.exec(text)?.[1] ?? "  ";
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

function spliced(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to);
}
