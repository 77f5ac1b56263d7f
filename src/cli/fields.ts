import { z } from "zod";
import { surfaces, type Operation } from "../ops/operation.ts";

/** One input of an operation, as the command line shows it. */
export interface CliField {
  key: string;
  /** The flag without its dashes, or the name of the positional. */
  name: string;
  type: "string" | "boolean" | "number" | "list";
  choices: string[] | undefined;
  description: string;
  required: boolean;
  positional: boolean;
  short: string | undefined;
  stdin: boolean;
  commas: boolean;
  fallback: unknown;
}

const types: { [jsonType: string]: CliField["type"] } = {
  boolean: "boolean",
  integer: "number",
  number: "number",
  array: "list",
};

/** The inputs that the command line takes, in order. Reads JSON Schema, as agents do, never zod's insides. */
export function cliFields(op: Operation): CliField[] {
  const { properties = {}, required = [] } = z.toJSONSchema(op.input, { io: "input" });
  return Object.entries(properties).flatMap(([key, property]) => {
    const { cli = {} } = surfaces.get(op.input.shape[key] as z.ZodType) ?? {};
    if (cli === false) return [];
    const p = property as { type?: string; enum?: string[]; description?: string; default?: unknown };
    return {
      key,
      name: cli.name ?? key.replaceAll("_", "-"),
      type: types[p.type ?? ""] ?? "string",
      choices: p.enum?.filter(Boolean),
      description: p.description ?? "",
      required: required.includes(key),
      positional: cli.positional ?? false,
      short: cli.short,
      stdin: cli.stdin ?? false,
      commas: cli.commas ?? false,
      fallback: p.default,
    };
  });
}
