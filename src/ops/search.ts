import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { payloadJson } from "../core/json.ts";
import { parseBound, timestamp } from "../core/time.ts";
import { projectNamed } from "./context.ts";
import { entryMarkdown, entryOf, entrySchema, entryText, originMark, shortenEntry, type Entry } from "./entry.ts";
import { text } from "./fields.ts";
import { defineOperation, surfaces } from "./operation.ts";
import { budgetBytes, offset, pageOfEntries } from "./page.ts";

export const search = defineOperation({
  command: "search",
  group: "memory",
  summary: "Find observations: a question in your own words, or a fragment.",
  examples: ['search "why do retries need jitter"', "search parseConf -p . --since 7d"],
  effect: "read",
  tool: {
    name: "search_memory",
    title: "Search memory",
    description:
      "PROACTIVELY search on an error, a new topic, and whenever something may have been decided or solved before. " +
      "Takes plain questions, identifiers, paths, error codes. Shows the gist; get_memory shows one in full.",
    always: true,
    structured: ["count"],
    page: ({ observations, pc_id }, given, budget) =>
      pageOfEntries(
        {
          entries: observations,
          offset: given.offset,
          render: (entries, notice) => [textOf(entries, pc_id), notice].filter(Boolean).join("\n"),
          shorten: shortenEntry,
        },
        budget,
      ),
  },
  input: z.strictObject({
    query: text
      .default("")
      .describe("A question, words or a fragment. Empty: the newest.")
      .register(surfaces, {
        cli: { positional: true },
      }),
    agent_family: text.default("").describe("Only of this family of agents."),
    client_id: text.default("").describe("Only of this client."),
    pc_id: text.default("").describe("Only of this host."),
    session_id: text.default("").describe("Only of this session."),
    project: text
      .default("")
      .describe("Only of this project (`.`: the repository one is in).")
      .register(surfaces, {
        cli: { short: "p" },
      }),
    since: text
      .default("")
      .describe("Only since this date, time or age (`7d`).")
      .register(surfaces, { cli: { metavar: "TIME" }, mcp: { name: "since_iso" } }),
    limit: z
      .int()
      .min(1)
      .max(10_000)
      .default(50)
      .describe("Most results.")
      .register(surfaces, {
        cli: { short: "n" },
        mcp: { clamp: true },
      }),
    offset,
    include_superseded: z.boolean().default(false).describe("Also what was replaced later."),
    format: z.enum(["text", "markdown", "json"]).default("text").describe("How to print.").register(surfaces, {
      mcp: false,
    }),
    budget_bytes: budgetBytes,
  }),
  output: z.strictObject({
    count: z.int(),
    pc_id: z.string().describe("This host."),
    observations: z.array(entrySchema),
  }),
  async run(ctx, { query, project, since, limit, offset, include_superseded, ...given }) {
    const now = ctx.now();
    const bound = since === "" ? undefined : parseBound(since, now);
    if (since !== "" && bound === undefined) {
      throw new UserError("usage", `since is no date or time: '${since}'`, { hint: "for example 2026-01-31 or 7d" });
    }
    const named = projectNamed(ctx, project);
    const { agent_family, client_id, pc_id, session_id } = given;
    const equal = Object.entries({ agent_family, client_id, pc_id, session_id }).filter(([, value]) => value !== "");
    const filter = {
      ...Object.fromEntries(equal),
      include_superseded,
      ...(named !== "" && { project: named }),
      ...(bound !== undefined && { since: bound }),
    };
    const at = timestamp(now);
    const most = limit + offset;
    const found = query.trim() ? ctx.store().search(query, filter, at, most).hits : ctx.store().list(filter, at, most);
    const observations = found.slice(offset).map(entryOf);
    return { count: observations.length, pc_id: ctx.who().pc_id, observations };
  },
  text({ observations }, { format }) {
    if (format === "json") return payloadJson(observations.map(({ state: _, ...payload }) => payload));
    if (format === "markdown") return observations.map(entryMarkdown).join("\n");
    return textOf(observations);
  },
});

/** The original's text; seen from a host, entries of other hosts bear a mark. */
function textOf(entries: readonly Entry[], here?: string): string {
  const origin = (entry: Entry) => (here === undefined ? "" : originMark(entry, here));
  return entries.map((entry) => entryText(entry, origin(entry))).join("\n---\n") || "No matching memories.";
}
