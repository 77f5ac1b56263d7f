import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { UserError } from "../core/errors.ts";
import type { Operation } from "../ops/operation.ts";
import { cliFields, shownName, type CliField } from "./fields.ts";
import { nearest } from "../core/nearest.ts";

/** What a command line asks of an operation: the raw input for `invoke`, and how to print the answer. */
export interface Request {
  raw: { [key: string]: unknown };
  json: boolean;
  /** How the caller knows an input. */
  nameOf(key: string): string;
}

/** Flags that go before the command, by what a wrong place for them is told. */
const globals = ["rebuild", "version"];

/** Reads the words after the command. Strict: a mistyped flag must not save with a default in its place. */
export async function readFlags(op: Operation, argv: string[], input: StandardInput): Promise<Request> {
  const fields = cliFields(op);
  const { flags, words } = parse(op, argv, fields);
  const places = fields.filter((field) => field.positional);
  if (words.length > places.length) {
    throw usage(op, `unexpected argument '${words[places.length]}'`, "quote text that has spaces");
  }
  const raw: Request["raw"] = {};
  for (const [i, field] of places.entries()) {
    const word = words[i];
    if (word !== undefined) raw[field.key] = await wordOf(field, word, input);
    else if (field.required) throw usage(op, `the argument ${shownName(field)} is missing`);
  }
  for (const field of fields) {
    const given = flags.get(field.name);
    if (!field.positional && given) {
      const value = valueOf(op, field, given);
      raw[field.key] = typeof value === "string" ? await wordOf(field, value, input) : value;
    }
    if (field.demanded && raw[field.key] !== true) throw new UserError("usage", field.demanded, { literal: true });
  }
  const names = new Map(fields.map((field) => [field.key, shownName(field)]));
  return { raw, json: flags.has("json"), nameOf: (key) => names.get(key) ?? key };
}

/** What `-` in the place of a word means: a text, or something that must not be shown while it is typed. */
export interface StandardInput {
  text(): Promise<string>;
  secret(prompt: string): Promise<string>;
}

async function wordOf(field: CliField, word: string, input: StandardInput): Promise<string> {
  if (word !== "-") return word;
  if (field.secret) return await input.secret(`${field.secret} (not shown): `);
  return field.stdin ? await input.text() : word;
}

type Value = string | boolean;

/** The flags given, each with its values in order, and the other words. */
function parse(op: Operation, argv: string[], fields: CliField[]): { flags: Map<string, Value[]>; words: string[] } {
  const options: ParseArgsOptionsConfig = { json: { type: "boolean" } };
  for (const { positional, name, type, short } of fields) {
    if (!positional) options[name] = { type: type === "boolean" ? "boolean" : "string", ...(short && { short }) };
  }
  const { tokens } = parseArgs({ args: argv, options, strict: false, tokens: true, allowPositionals: true });
  const flags = new Map<string, Value[]>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const [name, value] = readFlag(op, options, fields, { ...token, word: argv[token.index]! });
    flags.set(name, [...(flags.get(name) ?? []), value]);
  }
  return { flags, words };
}

interface Flag {
  name: string;
  /** The whole word it stands in. */
  word: string;
  rawName: string;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
}

function readFlag(op: Operation, options: ParseArgsOptionsConfig, fields: CliField[], flag: Flag): [string, Value] {
  const { name, rawName, inlineValue } = flag;
  const value = inlineValue && !rawName.startsWith("--") ? flag.value?.replace(/^=/, "") : flag.value; // `-p=demo`
  const off = name.startsWith("no-") ? name.slice("no-".length) : undefined;
  const known = Object.hasOwn(options, name)
    ? name
    : off !== undefined && Object.hasOwn(options, off)
      ? off
      : undefined;
  const type = known === undefined ? undefined : options[known]!.type;
  if (known === undefined || (known === off && type !== "boolean")) throw unknownFlag(op, options, flag);
  if (type === "boolean") {
    if (inlineValue) throw usage(op, `${rawName} takes no value`);
    return [known, known !== off];
  }
  if (value === undefined) throw usage(op, `${rawName} needs a value`);
  const isNumber = fields.some((field) => field.name === known && field.type === "number") && /^-\d/.test(value);
  if (!inlineValue && value.length > 1 && value.startsWith("-") && !isNumber) {
    throw usage(op, `${rawName} needs a value`, `one that begins with a dash is written --${known}=${value}`);
  }
  return [known, value];
}

function unknownFlag(op: Operation, options: ParseArgsOptionsConfig, { name, rawName, word }: Flag): UserError {
  const message = `unknown option '${rawName}'`;
  if (globals.includes(name)) return usage(op, message, `it goes before the command: kioku-mesh ${rawName} ...`);
  if (/\s/.test(word)) {
    return usage(op, message, "text that begins with a dash goes behind `--`, after all options");
  }
  const meant = nearest(name, Object.keys(options));
  return usage(op, message, meant && `did you mean --${meant}?`);
}

function valueOf(op: Operation, field: CliField, given: Value[]): unknown {
  if (field.type === "list") {
    const words = (given as string[]).flatMap((word) => (field.commas ? word.split(",") : word));
    return words.map((word) => word.trim()).filter(Boolean);
  }
  const value = given.at(-1)!;
  if (field.type !== "number") return value;
  const number = Number(value);
  if (value === "" || !Number.isFinite(number))
    throw usage(op, `--${field.name} takes a number, got '${String(value)}'`);
  return number;
}

function usage(op: Operation, message: string, hint?: string): UserError {
  return new UserError("usage", message, { hint: hint || `see: kioku-mesh ${op.command} --help` });
}
