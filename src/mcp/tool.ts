import type { Tool } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { surfaces, type Operation } from "../ops/operation.ts";

type Properties = { [key: string]: { type?: string; minimum?: number; maximum?: number } };

/** The fields of a schema that tools show, each under the name tools use. */
function shown(schema: z.ZodObject): { key: string; name: string; clamp: boolean }[] {
  return Object.entries(schema.shape).flatMap(([key, field]) => {
    const { mcp = {} } = surfaces.get(field as z.ZodType) ?? {};
    return mcp === false ? [] : { key, name: mcp.name ?? key, clamp: mcp.clamp ?? false };
  });
}

function jsonSchema(schema: z.ZodObject, io: "input" | "output") {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io });
  const fields = shown(schema);
  return {
    type: "object" as const,
    properties: Object.fromEntries(fields.map(({ key, name }) => [name, properties[key]])) as {
      [name: string]: object;
    },
    required: fields.filter(({ key }) => required.includes(key)).map(({ name }) => name),
    additionalProperties: false,
  };
}

/** What `tools/list` says of an operation. */
export function toolOf(op: Operation): Tool {
  const { name, title, description } = op.tool!;
  const output = jsonSchema(op.output, "output");
  return {
    name,
    title,
    description,
    inputSchema: jsonSchema(op.input, "input"),
    outputSchema: {
      ...output,
      properties: { result: { type: "string" }, ...output.properties },
      required: ["result", ...output.required],
    },
    annotations: {
      title,
      readOnlyHint: op.effect === "read",
      destructiveHint: op.effect === "destroy",
      idempotentHint: op.effect !== "write",
      openWorldHint: false,
    },
  };
}

/** The part of an answer that goes out as structured content. */
export function structured(op: Operation, output: { [key: string]: unknown }): { [key: string]: unknown } {
  return Object.fromEntries(shown(op.output).map(({ key, name }) => [name, output[key]]));
}

/** A tool's arguments as the raw input of its operation: loose forms that models send are understood, no unknown name. */
export function rawInput(op: Operation, args: { [key: string]: unknown }): { [key: string]: unknown } {
  const fields = shown(op.input);
  const { properties = {} } = z.toJSONSchema(op.input, { io: "input" }) as { properties?: Properties };
  const unknown = Object.keys(args).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) {
    throw new UserError("usage", `unknown argument '${unknown}'`, {
      hint: `this tool takes: ${fields.map((field) => field.name).join(", ")}`,
    });
  }
  const given = fields.filter(({ name }) => args[name] !== undefined && args[name] !== null);
  return Object.fromEntries(given.map((f) => [f.key, loosened(args[f.name], properties[f.key] ?? {}, f.clamp)]));
}

function loosened(value: unknown, { type, minimum, maximum }: Properties[string], clamp: boolean): unknown {
  if (type === "array" && typeof value === "string") return value === "" ? [] : [value];
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  if (type !== "integer" && type !== "number") return value;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (!clamp || typeof number !== "number" || Number.isNaN(number)) return number;
  return Math.min(maximum ?? Infinity, Math.max(minimum ?? -Infinity, Math.trunc(number)));
}
