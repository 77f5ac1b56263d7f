import { z } from "zod";
import { entryOf, entrySchema, originOf } from "./entry.ts";
import { oneLine } from "./frame.ts";
import { observationId, requireObservation } from "./observation-id.ts";
import { defineOperation, surfaces, type Surface } from "./operation.ts";
import { budgetBytes, offset, pageOfText } from "./page.ts";

const input = z.strictObject({
  observation_id: observationId.register(surfaces, { cli: { positional: true } }),
  offset: offset
    .describe("Characters (code points) of the answer to skip.")
    .register(surfaces, { cli: false, mcp: { clamp: true } }),
  budget_bytes: budgetBytes,
});

const output = () =>
  z.strictObject({
    observation: entrySchema(),
    pc_id: z.string().describe("This host."),
  });

export const getMemory = defineOperation({
  command: "get-memory",
  group: "memory",
  summary: "Show one observation in full.",
  examples: ["get-memory 2cc76fd3"],
  exits: { 1: "There is no such observation." },
  effect: "read",
  tool: {
    name: "get_memory",
    title: "Get one memory",
    description: "Read one memory in full, by the id that search_memory and recall_context show.",
    structured: [],
    page: (found, { offset }, budget) =>
      pageOfText(textOf(found, "mcp"), offset, `id: ${found.observation.observation_id}`, budget),
  },
  input,
  output,
  run: async (ctx, { observation_id }) => ({
    observation: entryOf(requireObservation(ctx, observation_id)),
    pc_id: ctx.who().pc_id,
  }),
  text: (found, _, surface) => textOf(found, surface),
});

function textOf({ observation: o, pc_id }: z.output<ReturnType<typeof output>>, surface: Surface): string {
  const { client, host } = originOf(o, pc_id);
  const lines: [name: string, value: string][] = [
    ["id", o.observation_id],
    ["memory_type", o.memory_type],
    ["importance", String(o.importance)],
    ["created_at", o.created_at],
    ["project", o.project],
    ["subject", o.subject],
    ["summary", o.summary],
    ["agent", `${o.agent_family}/${o.client_id}`],
    ...(surface === "mcp" && host !== "this pc" ? [["origin", `${client} (${host})`] as [string, string]] : []),
    ["tags", o.tags.join(", ")],
    ["source_files", o.source_files.join(", ")],
    ["references", o.references.join(", ")],
    ["supersedes", o.supersedes.join(", ")],
    ...(o.state === "live" ? [] : [["state", o.state] as [string, string]]),
  ];
  return `${lines.map(([name, value]) => `${name}: ${oneLine(value) || "-"}`).join("\n")}\n---\n${o.content}`;
}
