import type { Tool, ToolAnnotations } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { surfaces, type Operation } from "../ops/operation.ts";

/** The part of JSON Schema that the fields of our operations use. */
export interface Property {
  type?: string;
  enum?: readonly string[];
  items?: Property;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  description?: string;
}

/** A field of an operation as a tool shows it. */
export interface ToolField {
  key: string;
  name: string;
  clamp: boolean;
  required: boolean;
  property: Property;
}

/** An operation as agents see it. Its schemas are looked at when they are needed: many a session calls one tool alone. */
export interface AgentTool {
  op: Operation;
  inputs(): readonly ToolField[];
  /** What `tools/list` says of it. */
  listed(): Tool;
}

/** An operation that has a tool, as agents see it. */
export function toolOf(op: Operation): AgentTool {
  const { name, title, description, always } = op.tool!;
  let known: readonly ToolField[] | undefined;
  const inputs = () => (known ??= fieldsOf(op.input));
  return {
    op,
    inputs,
    listed: () => ({
      name,
      title,
      description,
      inputSchema: inputOf(inputs()),
      outputSchema: outputOf(op),
      annotations: annotationsOf(op),
      ...(always && { _meta: { "anthropic/alwaysLoad": true } }),
    }),
  };
}

function annotationsOf({ effect }: Operation): ToolAnnotations {
  if (effect === "read") return { readOnlyHint: true, openWorldHint: false };
  const destroys = effect === "destroy";
  return {
    readOnlyHint: false,
    destructiveHint: destroys,
    ...(destroys && { idempotentHint: true }),
    openWorldHint: false,
  };
}

/** The input fields that tools show, each under the name tools use. */
function fieldsOf(input: z.ZodObject): ToolField[] {
  const { properties = {}, required = [] } = z.toJSONSchema(input, { io: "input" });
  return Object.entries(input.shape).flatMap(([key, field]) => {
    const { mcp = {} } = surfaces.get(field as z.ZodType) ?? {};
    if (mcp === false) return [];
    const { name = key, clamp = false, required: demanded = false, description } = mcp;
    const property = { ...(properties[key] as Property), ...(description && { description }) };
    return { key, name, clamp, required: demanded || required.includes(key), property };
  });
}

function inputOf(fields: readonly ToolField[]) {
  const required = fields.filter((field) => field.required).map((field) => field.name);
  return {
    type: "object" as const,
    properties: Object.fromEntries(fields.map((field) => [field.name, listedProperty(field)])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

/** The text as `result`, where the rest of it begins if it was cut, and the operation's own fields. */
function outputOf({ output, tool }: Operation) {
  const { page, structured } = tool!;
  const { properties = {} } = z.toJSONSchema(output(), { io: "output" });
  const own = structured.map((key) => [key, withoutMachineBounds(properties[key] as Property)]);
  return {
    type: "object" as const,
    properties: {
      result: { type: "string" },
      ...(page && { next_offset: { type: "integer" } }),
      ...Object.fromEntries(own),
    },
    required: ["result", ...structured],
  };
}

/** Without bounds where they are clamped: a client that checks them would refuse what we take. */
function listedProperty({ property, clamp }: ToolField): Property {
  const { minimum: _, maximum: __, ...rest } = property;
  return clamp ? rest : withoutMachineBounds(property);
}

/** Without the bounds of a double's integers, which zod names and nobody needs to read. */
function withoutMachineBounds({ minimum, maximum, ...property }: Property): Property {
  return {
    ...property,
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
  };
}
