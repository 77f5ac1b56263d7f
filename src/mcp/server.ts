import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, ListToolsRequestSchema, type CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Context } from "../ops/context.ts";
import { invoke } from "../ops/operation.ts";
import { beginningOf, cutText, defaultBudget, type Budget, type Page } from "../ops/page.ts";
import { rawInput } from "./arguments.ts";
import instructions from "./instructions.md" with { type: "text" };
import { toolOf, type AgentTool } from "./tool.ts";

/** We ask a client for nothing, so no answer of one needs checking; the SDK would load a JSON Schema compiler for it. */
const jsonSchemaValidator = {
  getValidator(): never {
    throw new Error("this server elicits nothing");
  },
};

/** The SDK's, but for clients that write `null` where a tool gets no arguments. */
const callRequest = CallToolRequestSchema.extend({
  params: CallToolRequestSchema.shape.params.extend({
    arguments: z
      .record(z.string(), z.unknown())
      .nullish()
      .transform((given) => given ?? {}),
  }),
});

/**
 * The MCP server over a context. Nothing is opened, nor any operation loaded, until a client asks for tools. `onStarted`
 * is called once the first call is done.
 */
export function createServer(ctx: Context, onStarted?: () => void): Server {
  const server = new Server(
    { name: "kioku-mesh", title: "kioku-mesh", version: ctx.version },
    { capabilities: { tools: {} }, instructions: instructions.trim(), jsonSchemaValidator },
  );
  let loading: Promise<AgentTool[]> | undefined;
  const load = async () => (await import("../ops/index.ts")).loadTools();
  let started = () => {
    started = () => undefined;
    onStarted?.();
  };
  const tools = () => (loading ??= load().then((operations) => operations.map(toolOf)));
  server.setRequestHandler(ListToolsRequestSchema, async () => ({
    tools: (await tools()).map(({ listed }) => listed()),
  }));
  server.setRequestHandler(callRequest, async ({ params }) => {
    const result = await call(ctx, await tools(), params.name, params.arguments);
    started();
    return result;
  });
  return server;
}

/** One boundary: what is refused is an `isError` result that the model can read, and so is a bug. */
async function call(
  ctx: Context,
  tools: readonly AgentTool[],
  name: string,
  args: { [name: string]: unknown },
): Promise<CallToolResult> {
  try {
    const tool = tools.find(({ op }) => op.tool!.name === name);
    if (!tool) throw unknownTool(name, tools);
    return await answer(ctx, tool, args);
  } catch (error) {
    if (!(error instanceof UserError)) console.error(error);
    return { isError: true, content: [{ type: "text", text: refusal(error) }] };
  }
}

async function answer(ctx: Context, { op, inputs }: AgentTool, args: { [name: string]: unknown }) {
  const known = inputs();
  const nameOf = (key: string) => known.find((field) => field.key === key)?.name ?? key;
  const { output, input } = await invoke(op, ctx, rawInput(known, args), nameOf);
  const fields = Object.fromEntries(op.tool!.structured.map((key) => [key, output[key]]));
  const budget = budgetOf(typeof input.budget_bytes === "number" ? input.budget_bytes : defaultBudget, fields);
  const page = op.tool!.page?.(output, input, budget) ?? beginningOf(op.text(output, input, "mcp"), budget);
  return resultOf(page, fields);
}

/** The text goes out twice: for clients that read content, and for those that read structured content. */
function resultOf({ text, next }: Page, fields: { [name: string]: unknown }): CallToolResult {
  const result = text.toWellFormed(); // a lone surrogate would make some clients refuse the whole line
  return {
    content: [{ type: "text", text: result }],
    structuredContent: { result, ...(next !== undefined && { next_offset: next }), ...fields },
  };
}

/** Counts the bytes of the whole result as it goes out. */
function budgetOf(bytes: number, fields: { [name: string]: unknown }): Budget {
  const frame = Buffer.byteLength(JSON.stringify(resultOf({ text: "", next: Number.MAX_SAFE_INTEGER }, fields)));
  const quoted = (text: string) => Buffer.byteLength(JSON.stringify(text.toWellFormed())) - '""'.length;
  return { bytes, fits: (text) => frame + 2 * quoted(text) <= bytes };
}

function unknownTool(name: string, tools: readonly AgentTool[]): UserError {
  const names = tools.map(({ op }) => op.tool!.name);
  const meant = nearest(name.slice(0, 60), names);
  return new UserError("usage", `unknown tool '${name.slice(0, 60)}'`, {
    hint: `${meant ? `did you mean '${meant}'? ` : ""}there are: ${names.join(", ")}`,
  });
}

/** What is wrong and what to do. Bounded: a refusal may quote what it refuses, which may be long. */
function refusal(error: unknown): string {
  const { message, hint = "" } = error instanceof UserError ? error : { message: `internal error: ${String(error)}` };
  const told = [message, hint].filter((line) => line !== "").map((line) => cutText(line, 2_000));
  return told.join("\n").toWellFormed();
}
