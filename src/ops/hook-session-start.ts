import { z } from "zod";
import { parseObject } from "../core/json.ts";
import { timestamp } from "../core/time.ts";
import type { Glance } from "../store/glance.ts";
import type { Context } from "./context.ts";
import { entryOf, originOf, type Entry } from "./entry.ts";
import { text } from "./fields.ts";
import { framed, oneLine } from "./frame.ts";
import { defineOperation, surfaces } from "./operation.ts";
import { cutText, greatest } from "./page.ts";
import { tellingWeight } from "./recall-context.ts";

/** How many of a project's newest observations are weighed. */
const weighed = 1_000;
/** The most characters of one observation, also as a share of the budget. Its id leads to the rest. */
const longest = 300;
const share = 1 / 12;

export const hookSessionStart = defineOperation({
  command: "hook session-start",
  group: "memory",
  summary: "Print what an agent should know of this project when a session begins.",
  examples: ["hook session-start", "hook session-start --max-bytes 8000 --format text"],
  exits: { 0: "Always, whatever happens: an agent's start must not fail because of its memory." },
  effect: "read",
  hook: true,
  input: z.strictObject({
    project: text
      .default("")
      .describe("The project. Without it: that of the repository that the agent is in.")
      .register(surfaces, { cli: { short: "p" } }),
    max_bytes: z
      .int()
      .min(1_000)
      .max(100_000)
      .default(4_000)
      .describe("Most bytes to print.")
      .register(surfaces, { cli: { metavar: "BYTES" } }),
    format: z
      .enum(["auto", "text", "json"])
      .default("auto")
      .describe(
        "`json` is what hooks answer with; `auto` takes it where standard input holds an agent's SessionStart event.",
      ),
    verbose: z.boolean().default(false).describe("Say on standard error why nothing is printed."),
  }),
  output: () => z.strictObject({ shown: z.int(), format: z.enum(["text", "json"]), context: z.string() }),
  async run(ctx, { project, max_bytes, format, verbose }) {
    const event = parseObject((await ctx.event?.()) ?? "") ?? {};
    const json = format === "json" || (format === "auto" && event.hook_event_name === "SessionStart");
    const answer = (shown: number, context: string) => ({
      shown,
      format: json ? ("json" as const) : ("text" as const),
      context,
    });
    const named = project || ctx.projectHere(typeof event.cwd === "string" ? event.cwd : undefined);
    const look = ctx.glance();
    if (verbose && named === "") ctx.note?.("note: this is no repository, and no --project is named");
    if (verbose && !look) ctx.note?.(`note: there is no memory that this release can read in ${ctx.paths.database}`);
    if (named === "" || !look) return answer(0, "");
    const { lines, all } = mostTelling(ctx, look, named, max_bytes);
    if (verbose && all === 0) ctx.note?.(`note: nothing is remembered of the project ${JSON.stringify(named)}`);
    const context = (shown: number) => (shown === 0 ? "" : contextOf(lines.slice(0, shown), all));
    const fits = (shown: number) => Buffer.byteLength(printed(context(shown), json)) < max_bytes;
    const shown = greatest(lines.length, fits);
    return answer(shown, context(shown));
  },
  text: ({ context, format }) => (context === "" ? "" : printed(context, format === "json")),
});

/** A line for each observation to know of first, somewhat more than fit, and how many there are (as far as is looked). */
function mostTelling(ctx: Context, look: Glance, project: string, budget: number): { lines: string[]; all: number } {
  const now = ctx.now();
  const heads = look.heads({ project }, timestamp(now), weighed);
  const ranked = heads
    .map(({ id, ...head }) => ({ id, weight: tellingWeight(head, now) }))
    .toSorted((a, b) => (a.weight === b.weight ? 0 : b.weight - a.weight));
  const lines: string[] = [];
  for (let i = 0, left = budget; i < ranked.length && left > 0; i++) {
    const found = look.observation(ranked[i]!.id, timestamp(now));
    if (!found) continue; // erased since
    const line = lineOf(entryOf(found), ctx.who().pc_id, Math.floor(Math.min(longest, budget * share)));
    lines.push(line);
    left -= Buffer.byteLength(line);
  }
  return { lines, all: heads.length };
}

function contextOf(lines: readonly string[], all: number): string {
  const rest = lines.length < all ? ` of ${all}${all === weighed ? " or more" : ""}` : "";
  const head = `kioku-mesh: what is remembered of this project, what matters most first (${lines.length}${rest}).
get_memory shows one in full, recall_context and search_memory find more.`;
  return `${head}\n${framed(lines.join("\n"))}`;
}

function lineOf(o: Entry, here: string, characters: number): string {
  const { client, host } = originOf(o, here);
  const told = oneLine([o.subject, o.summary || o.content].filter(Boolean).join(" — "));
  const head = `- [${o.memory_type}][${o.importance}] ${o.created_at.slice(0, 10)}`;
  return `${head} ${cutText(told, characters)} <id=${o.observation_id}> (${cutText(oneLine(client), 60)}, ${host})`;
}

function printed(context: string, json: boolean): string {
  if (!json) return context;
  const hookSpecificOutput = { hookEventName: "SessionStart", additionalContext: context.toWellFormed() };
  return JSON.stringify({ hookSpecificOutput });
}
