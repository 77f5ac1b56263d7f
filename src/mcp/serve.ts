import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema, type CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { UserError } from "../core/errors.ts";
import type { Context } from "../ops/context.ts";
import { operations } from "../ops/index.ts";
import { invoke } from "../ops/operation.ts";
import instructions from "./instructions.md" with { type: "text" };
import { toolOf, rawInput, structured } from "./tool.ts";

const tools = operations.filter((op) => op.tool);

/** The MCP server over a context. Nothing is opened until a tool is called. */
export function createServer(ctx: Context): Server {
  const server = new Server(
    { name: "kioku-mesh", version: ctx.version },
    { capabilities: { tools: {} }, instructions },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(toolOf) }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => answer(ctx, params.name, params.arguments ?? {}));
  return server;
}

/** One boundary: what is refused is an `isError` result the model can read; what is a bug says so, and no more. */
async function answer(ctx: Context, name: string, args: { [key: string]: unknown }): Promise<CallToolResult> {
  try {
    const op = tools.find((candidate) => candidate.tool!.name === name);
    if (!op) throw new UserError("usage", `unknown tool '${name}'`);
    const { output, input } = await invoke(op, ctx, rawInput(op, args));
    const text = op.text(output, input, "mcp");
    return { content: [{ type: "text", text }], structuredContent: { result: text, ...structured(op, output) } };
  } catch (error) {
    const told = error instanceof UserError ? [error.message, error.hint] : ["internal error", String(error)];
    return { isError: true, content: [{ type: "text", text: told.filter(Boolean).join("\n") }] };
  }
}

/** Serves until the client hangs up. The SDK does not watch for end of input, so we do. */
export async function serve(ctx: Context): Promise<number> {
  const server = createServer(ctx);
  const hangUp = Promise.withResolvers<void>();
  for (const event of ["end", "close"]) process.stdin.once(event, hangUp.resolve);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, hangUp.resolve);
  await server.connect(new StdioServerTransport());
  await hangUp.promise;
  await server.close();
  return 0;
}
