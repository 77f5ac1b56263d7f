import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { isId } from "../core/record.ts";
import { timestamp } from "../core/time.ts";
import type { Found } from "../store/reader.ts";
import type { Context } from "./context.ts";
import { entryOf, entrySchema } from "./entry.ts";
import { text } from "./fields.ts";
import { defineOperation, surfaces } from "./operation.ts";

export const observationId = text.describe("Id of the observation, or its first 8 or more digits if they are unique.");

/** The observation an id or a unique prefix of one names, whatever has become of it. */
export function requireObservation(ctx: Context, id: string): Found {
  const full = isId(id) ? id : idWithPrefix(ctx, id.toLowerCase());
  const found = ctx.store().observation(full, timestamp(ctx.now()));
  if (found) return found;
  throw new UserError("notFound", `observation_id ${id} not found.`, {
    literal: true,
    exit: 1,
    hint: "`kioku-mesh search` shows the ids there are",
  });
}

function idWithPrefix(ctx: Context, prefix: string): string {
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

const fields = z.strictObject({
  observation_id: observationId.register(surfaces, { cli: { positional: true } }),
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
    description: "Read one observation in full, by the id that search_memory shows.",
  },
  input: fields,
  output: z.strictObject({ observation: entrySchema.register(surfaces, { mcp: false }) }),
  run: async (ctx, { observation_id }) => ({ observation: entryOf(requireObservation(ctx, observation_id)) }),
  text({ observation: o }) {
    const lines = [
      ["id", o.observation_id],
      ["memory_type", o.memory_type],
      ["importance", String(o.importance)],
      ["created_at", o.created_at],
      ["project", o.project],
      ["subject", o.subject],
      ["summary", o.summary],
      ["agent", `${o.agent_family}/${o.client_id}`],
      ["tags", o.tags.join(", ")],
      ["source_files", o.source_files.join(", ")],
      ["references", o.references.join(", ")],
      ["supersedes", o.supersedes.join(", ")],
      ...(o.state === "live" ? [] : [["state", o.state]]),
    ];
    return `${lines.map(([name, value]) => `${name}: ${value || "-"}`).join("\n")}\n---\n${o.content}`;
  },
});
