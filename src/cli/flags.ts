import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { ArgsDef } from "citty";
import { UserError } from "../core/errors.ts";
import type { Operation } from "../ops/operation.ts";
import { cliFields, type CliField } from "./fields.ts";
import { nearest } from "./nearest.ts";

/** For citty, which routes and prints help. It is told nothing is required: validation has one home, `invoke`. */
export function cittyArgs(op: Operation): ArgsDef {
  const args = cliFields(op).map((field) => [field.name, cittyArg(field)]);
  return Object.fromEntries([...args, ["json", { type: "boolean", description: "Print the answer as JSON." }]]);
}

function cittyArg(field: CliField) {
  const { fallback } = field;
  const shown = fallback === undefined || fallback === "" || fallback === false || Array.isArray(fallback);
  const description = shown ? field.description : `${field.description} Default: ${String(fallback)}.`;
  const common = { description, required: false, ...(field.choices && { valueHint: field.choices.join("|") }) };
  if (field.positional) return { type: "positional", ...common };
  return {
    type: field.type === "boolean" ? "boolean" : "string",
    ...common,
    ...(field.short && { alias: field.short }),
  };
}

/** What a command line asks of an operation: the raw input for `invoke`, and how to print the answer. */
export interface Request {
  raw: { [key: string]: unknown };
  json: boolean;
}

/** Reads the words after the command. Strict: a mistyped flag must not save with a default in its place. */
export async function readFlags(op: Operation, argv: string[], stdin: () => Promise<string>): Promise<Request> {
  const fields = cliFields(op);
  const places = fields.filter((field) => field.positional);
  const { values, positionals } = parse(op, argv, fields);
  if (positionals.length > places.length) {
    throw usage(op, `unexpected argument '${positionals[places.length]}'`, "quote text that has spaces");
  }
  const raw: Request["raw"] = {};
  for (const [i, field] of places.entries()) {
    const word = positionals[i];
    if (word !== undefined) raw[field.key] = field.stdin && word === "-" ? await stdin() : word;
    else if (field.required) throw usage(op, `the argument ${field.name} is missing`);
  }
  for (const field of fields) {
    const value = values[field.name];
    if (!field.positional && value !== undefined) raw[field.key] = valueOf(op, field, value);
  }
  return { raw, json: values.json === true };
}

type Value = string | boolean | (string | boolean)[];

function valueOf(op: Operation, field: CliField, value: Value): unknown {
  if (field.type === "list") {
    const words = (value as string[]).flatMap((word) => (field.commas ? word.split(",") : word));
    return words.map((word) => word.trim()).filter(Boolean);
  }
  if (field.type !== "number") return value;
  const number = Number(value);
  if (value === "" || Number.isNaN(number)) throw usage(op, `--${field.name} takes a number, got '${String(value)}'`);
  return number;
}

function parse(op: Operation, argv: string[], fields: CliField[]) {
  const options: ParseArgsOptionsConfig = { json: { type: "boolean" } };
  for (const field of fields) {
    if (field.positional) continue;
    const type = field.type === "boolean" ? "boolean" : "string";
    options[field.name] = { type, multiple: field.type === "list", ...(field.short && { short: field.short }) };
  }
  try {
    const args = joinNegativeNumbers(argv, options);
    return parseArgs({ args, options, strict: true, allowPositionals: true, allowNegative: true });
  } catch (cause) {
    const [message = ""] = (cause as Error).message.split(/\. To specify|\n/);
    const unknown = /Unknown option '--?([^'=]+)'/.exec(message)?.[1];
    const meant = unknown && nearest(unknown, Object.keys(options));
    throw usage(
      op,
      `${message[0]?.toLowerCase()}${message.slice(1)}`.replace(/\.$/, ""),
      meant && `did you mean --${meant}?`,
    );
  }
}

/** `--limit -5` is a value that is refused with a reason, not a flag named 5. */
function joinNegativeNumbers(argv: string[], options: ParseArgsOptionsConfig): string[] {
  const words: string[] = [];
  for (const [i, word] of argv.entries()) {
    const flag = words.at(-1);
    const name = Object.keys(options).find((key) => flag === `--${key}` || flag === `-${options[key]?.short}`);
    const takesValue = name !== undefined && options[name]?.type === "string" && argv[i - 1] === flag;
    if (takesValue && /^-\d/.test(word)) words[words.length - 1] = `--${name}=${word}`;
    else words.push(word);
  }
  return words;
}

function usage(op: Operation, message: string, hint?: string): UserError {
  return new UserError("usage", message, { hint: hint || `see: kioku-mesh ${op.command} --help` });
}
