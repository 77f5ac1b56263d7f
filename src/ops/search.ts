import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { payloadJson } from "../core/json.ts";
import { parseBound, timestamp } from "../core/time.ts";
import { entryMarkdown, entryOf, entrySchema, entryText } from "./entry.ts";
import { text } from "./fields.ts";
import { defineOperation, surfaces } from "./operation.ts";

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
      "PROACTIVELY search before starting work, and whenever something may have been decided or solved before.",
  },
  input: z.strictObject({
    query: text
      .default("")
      .describe("A question, words or a fragment. Empty lists the newest.")
      .register(surfaces, {
        cli: { positional: true },
      }),
    agent_family: text.default("").describe("Only what this family of agents saved."),
    client_id: text.default("").describe("Only what this client saved."),
    pc_id: text.default("").describe("Only what was saved on this host."),
    session_id: text.default("").describe("Only what was saved in this session."),
    project: text
      .default("")
      .describe("Only this project. `.` is the repository one is in.")
      .register(surfaces, {
        cli: { short: "p" },
      }),
    since: text
      .default("")
      .describe("Only since this date or time (ISO-8601; `7d` is seven days ago).")
      .register(surfaces, { mcp: { name: "since_iso" } }),
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
    include_superseded: z.boolean().default(false).describe("Also what a later observation replaces."),
    format: z.enum(["text", "markdown", "json"]).default("text").describe("How to print.").register(surfaces, {
      mcp: false,
    }),
  }),
  output: z.strictObject({
    count: z.int(),
    observations: z.array(entrySchema).register(surfaces, { mcp: false }),
  }),
  async run(ctx, { query, project, since, limit, format: _, include_superseded, ...filter }) {
    const now = ctx.now();
    const bound = since === "" ? undefined : parseBound(since, now);
    if (since !== "" && bound === undefined) {
      throw new UserError("usage", `since is no date or time: '${since}'`, { hint: "for example 2026-01-31 or 7d" });
    }
    const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ""));
    const narrowed = {
      ...given,
      include_superseded,
      ...(project !== "" && { project: project === "." ? ctx.projectHere() : project }),
      ...(bound !== undefined && { since: bound }),
    };
    const at = timestamp(now);
    const found = query.trim() ? ctx.store().search(query, narrowed, at, limit) : ctx.store().list(narrowed, at, limit);
    return { count: found.length, observations: found.map(entryOf) };
  },
  text({ observations }, { format }) {
    if (format === "json") return payloadJson(observations.map(({ state: _, ...payload }) => payload));
    if (format === "markdown") return observations.map(entryMarkdown).join("\n");
    return observations.map((entry) => entryText(entry)).join("\n---\n") || "No matching memories.";
  },
});
