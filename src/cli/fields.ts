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
  secret: boolean;
  commas: boolean;
  metavar: string;
  demanded: string | undefined;
  fallback: unknown;
}

/** As much of JSON Schema as our inputs use. */
interface Property {
  type?: string;
  enum?: string[];
  items?: { enum?: string[] };
  description?: string;
  default?: unknown;
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
    const p = property as Property;
    const type = types[p.type ?? ""] ?? "string";
    const name = cli.name ?? key.replaceAll("_", "-");
    return {
      key,
      name,
      type,
      choices: (p.enum ?? p.items?.enum)?.filter(Boolean),
      description: p.description ?? "",
      required: required.includes(key),
      positional: cli.positional ?? false,
      short: cli.short,
      stdin: cli.stdin ?? false,
      secret: cli.secret ?? false,
      commas: cli.commas ?? false,
      metavar:
        cli.metavar ?? (type === "number" ? "N" : type === "list" ? "A,B" : name.split("-").at(-1)!.toUpperCase()),
      demanded: cli.demanded,
      fallback: p.default,
    };
  });
}

/** How a field is called in help and in errors: `CONTENT`, `--project`, or `--no-x` for what is on unless said. */
export function shownName(field: CliField): string {
  if (field.positional) return field.name.toUpperCase();
  return field.type === "boolean" && field.fallback === true ? `--no-${field.name}` : `--${field.name}`;
}
