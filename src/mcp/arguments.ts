import { UserError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Property, ToolField } from "./tool.ts";

type Arguments = { readonly [name: string]: unknown };

/**
 * A tool's arguments as the raw input of its operation. The loose forms that models send are understood; what they are
 * not is left as it is, for the operation's schema to refuse. Throws UserError for a name the tool does not know.
 */
export function rawInput(fields: readonly ToolField[], args: Arguments): { [key: string]: unknown } {
  const names = fields.map((field) => field.name);
  const unknown = Object.keys(args).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownArgument(unknown, names);
  const raw: { [key: string]: unknown } = {};
  for (const { key, name, property, clamp, required } of fields) {
    const value = loosened(args[name], property, clamp);
    if (value !== undefined) raw[key] = value;
    else if (required) throw new UserError("usage", `${name} is missing`, { hint: takes(names) });
  }
  return raw;
}

function unknownArgument(unknown: string, names: readonly string[]): UserError {
  const name = unknown.slice(0, 60);
  const meant = nearest(name, names);
  return new UserError("usage", `unknown argument '${name}'`, {
    hint: `${meant ? `did you mean '${meant}'? ` : ""}${takes(names)}`,
  });
}

function takes(names: readonly string[]): string {
  return names.length > 0 ? `this tool takes: ${names.join(", ")}` : "this tool takes no arguments";
}

/** An argument in the type its field has, where it plainly says so; undefined where it says nothing. */
function loosened(value: unknown, property: Property, clamp: boolean): unknown {
  if (value === undefined || value === null) return undefined;
  if (property.type === "array") return listOf(value, property.items ?? {});
  if (property.type === "boolean") {
    return truths.get(typeof value === "string" ? value.trim().toLowerCase() : value) ?? given(value);
  }
  if (property.type === "integer") return wholeNumber(value, property, clamp);
  return textOf(value, property);
}

const truths = new Map<unknown, boolean>([
  ["true", true],
  ["1", true],
  [1, true],
  ["false", false],
  ["0", false],
  [0, false],
]);

/** One item for a list of one, a list in JSON, or words with commas, for a list. */
function listOf(value: unknown, items: Property): unknown {
  const list = typeof value === "string" ? (jsonList(value) ?? value.split(",")) : value;
  if (typeof list === "number" || typeof list === "boolean") return [String(list)];
  if (!Array.isArray(list)) return list;
  const texts = list.map((item) => textOf(typeof item === "string" ? item.trim() : item, items));
  return texts.filter((item) => item !== null && item !== undefined && item !== "");
}

function jsonList(text: string): unknown[] | undefined {
  if (!text.trim().startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // a text that begins with a bracket
  }
}

function wholeNumber(value: unknown, { minimum = -Infinity, maximum = Infinity }: Property, clamp: boolean): unknown {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) return given(value);
  return clamp ? Math.min(maximum, Math.max(minimum, Math.trunc(number))) : number;
}

/** Also a number or a truth value for a text; of fixed texts also one in capitals. */
function textOf(value: unknown, { enum: fixed }: Property): unknown {
  const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  if (typeof text !== "string" || fixed === undefined || fixed.includes(text)) return text;
  const meant = text.trim().toLowerCase();
  return fixed.includes(meant) ? meant : given(text);
}

/** An empty text where no text belongs is how some models leave a field out. */
function given(value: unknown): unknown {
  return value === "" ? undefined : value;
}
