import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { isId } from "../core/record.ts";
import { timestamp } from "../core/time.ts";
import type { Found } from "../store/reader.ts";
import type { Context } from "./context.ts";
import { entryOf, entrySchema, originOf } from "./entry.ts";
import { text } from "./fields.ts";
import { oneLine } from "./frame.ts";
import { defineOperation, surfaces, type Surface } from "./operation.ts";
import { budgetBytes, offset, pageOfText } from "./page.ts";

export const observationId = text.describe("Its id, or 8 or more first digits.");

/** The observation an id or a unique prefix of one names, whatever has become of it. */
export function requireObservation(ctx: Context, id: string): Found {
  const full = isId(id) ? id : idWithPrefix(ctx, id.toLowerCase());
  const found = ctx.store().observation(full, timestamp(ctx.now()));
  if (found) return found;
  throw new UserError("notFound", `observation_id ${id} not found.`, {
    literal: true,
    exit: 1,
    hint: "a search shows the ids there are",
  });
}

/** The id that a prefix of one stands for; the prefix where nothing here begins so. Throws UserError where it is none. */
export function idWithPrefix(ctx: Context, prefix: string): string {
  if (!/^[0-9a-f]{8,32}$/.test(prefix)) {
    throw new UserError("usage", "observation_id must be a full 32-character match.", {
      literal: true,
      hint: "or give the first 8 or more digits, where they are unique",
    });
  }
  const ids = ctx.store().idsWithPrefix(prefix);
  if (ids.length > 1) {
    throw new UserError("usage", `observation_id ${prefix} is not unique.`, {
      literal: true,
      hint: "give more digits",
    });
  }
  return ids[0] ?? prefix;
}

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
