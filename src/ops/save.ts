import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { payloadOf, type Observation } from "../core/observation.ts";
import { parseDuration, parseTime, timestamp } from "../core/time.ts";
import { recordOf } from "../store/store.ts";
import { projectNamed, type Context } from "./context.ts";
import { refuseDebris } from "./debris.ts";
import { importance, list, maxContentBytes, memoryType, text, visibility } from "./fields.ts";
import { idWithPrefix, isIdPrefix } from "./observation-id.ts";
import { defineOperation, surfaces } from "./operation.ts";

const input = z.strictObject({
  content: text.describe("What to remember.").register(surfaces, {
    cli: { positional: true, stdin: true },
    mcp: { description: "What to remember, with its reason." },
  }),
  project: text
    .optional()
    .describe("Its project (`.`: this repository).")
    .register(surfaces, {
      cli: { short: "p" },
    }),
  tags: list
    .optional()
    .describe("Labels to find it by.")
    .register(surfaces, { cli: { short: "t", commas: true } }),
  memory_type: memoryType.default("note").describe("Its kind."),
  importance: importance
    .default(2)
    .describe("1 (trivial) to 5 (durable, project-wide).")
    .register(surfaces, {
      mcp: { clamp: true },
    }),
  subject: text.default("").describe("A short title."),
  summary: text.default("").describe("One sentence."),
  source_files: list
    .default([])
    .describe("Files it is about.")
    .register(surfaces, { cli: { commas: true } }),
  references: list
    .default([])
    .describe("Issues, pull requests, documents.")
    .register(surfaces, { cli: { commas: true } }),
  supersedes: list
    .default([])
    .describe("Ids of what it replaces.")
    .register(surfaces, { cli: { commas: true } }),
  visibility: visibility.optional().describe("Reach in a mesh: a label, not secrecy."),
  expires_at: text
    .optional()
    .describe("When it ceases to hold (ISO-8601).")
    .register(surfaces, { cli: { metavar: "TIME" } }),
  ttl: text
    .optional()
    .describe("For how long it holds: `30m`, `12h`, `7d`.")
    .register(surfaces, { cli: { metavar: "DURATION" } }),
});

export const save = defineOperation({
  command: "save",
  group: "memory",
  summary: "Remember one observation.",
  examples: [
    'save "Retries need jitter, else all clients come back at once" -p api --memory-type decision',
    "save - --subject 'Release checklist' --ttl 30d < checklist.md",
  ],
  effect: "write",
  tool: {
    name: "save_observation",
    title: "Save an observation",
    description:
      "PROACTIVELY save, at once and unasked, what a later session should know: a decision and why, a bug with cause " +
      "and fix, a discovery, pattern, setting or preference of the user. One fact each.",
    always: true,
    structured: ["observation_id", "visibility"],
  },
  input,
  output: () =>
    z.strictObject({
      observation_id: z.string(),
      created_at: z.string(),
      visibility: z.string(),
      not_here: z.array(z.string()).describe("Of what it supersedes, what is no memory here."),
    }),
  async run(ctx, given) {
    checkContent(given.content);
    refuseDebris({ content: given.content, subject: given.subject, summary: given.summary });
    const { sources: _, ...identity } = ctx.who();
    const now = ctx.now();
    const defaults = ctx.settings().save();
    const observation: Observation = {
      content: given.content,
      ...identity,
      project: projectNamed(ctx, given.project || defaults.project),
      tags: given.tags ?? [...defaults.tags],
      observation_id: ctx.newId(),
      created_at: timestamp(now),
      memory_type: given.memory_type,
      importance: given.importance,
      subject: given.subject,
      summary: given.summary,
      source_files: given.source_files,
      references: given.references,
      supersedes: given.supersedes.map((id) => replacedBy(ctx, id)),
      ...reachOf(ctx, given.visibility || defaults.visibility),
      expires_at: expiryOf(given, now),
    };
    const { observation_id, created_at, visibility, supersedes } = observation;
    const not_here = supersedes.filter((id) => !ctx.store().observation(id, created_at));
    ctx.store().append([recordOf("observation", observation_id, payloadOf(observation))]);
    if (not_here.length > 0) ctx.note?.(replacesNothing(not_here));
    return { observation_id, created_at, visibility, not_here };
  },
  text: ({ observation_id, not_here }, _, surface) =>
    surface === "mcp" && not_here.length > 0
      ? `saved: ${observation_id}\n${replacesNothing(not_here)}`
      : `saved: ${observation_id}`,
});

/** As everywhere a prefix is as good as the id. What is neither is kept: the Python original takes any text. */
function replacedBy(ctx: Context, id: string): string {
  return isIdPrefix(id) ? idWithPrefix(ctx, id) : id;
}

function replacesNothing(ids: readonly string[]): string {
  return `note: supersedes what is no memory here: ${ids.join(", ")}`;
}

function checkContent(content: string): void {
  if (content.trim() === "") {
    throw new UserError("usage", "content is empty", {
      hint: "say what to remember",
    });
  }
  const bytes = Buffer.byteLength(content);
  if (bytes > maxContentBytes) {
    throw new UserError("usage", `content has ${bytes} bytes, the limit is ${maxContentBytes} (1 MiB)`, {
      hint: "save the essence, and name the file it came from as a source file",
    });
  }
}

function reachOf(ctx: Context, visibility: Observation["visibility"]) {
  const { userId, teamId } = ctx.settings();
  const scope_id = visibility === "user" ? userId : visibility === "team" ? teamId : "";
  if ((visibility === "user" || visibility === "team") && scope_id === "") {
    throw new UserError("usage", `visibility '${visibility}' needs a ${visibility} id`, {
      hint: `set KIOKU_MESH_${visibility.toUpperCase()}_ID, or ${visibility}_id in config.yaml`,
    });
  }
  return { visibility, scope_id };
}

function expiryOf(
  { expires_at, ttl }: { expires_at?: string | undefined; ttl?: string | undefined },
  now: Date,
): string {
  if (expires_at && ttl) throw new UserError("usage", "expires_at and ttl cannot be combined");
  if (expires_at) {
    const at = parseTime(expires_at);
    if (at === undefined) throw new UserError("usage", `'${expires_at}' is no ISO-8601 time`);
    return at;
  }
  if (!ttl) return "";
  const duration = /^\d+$/.test(ttl) ? Number(ttl) * 1000 : parseDuration(ttl);
  const end = now.getTime() + (duration ?? NaN);
  if (!duration || end > 8.64e15) {
    throw new UserError("usage", `'${ttl}' is no duration`, { hint: "for example 90s, 30m, 12h, 7d or 2w" });
  }
  return timestamp(end);
}
