import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { payloadJson } from "../core/json.ts";
import { parseBound, timestamp } from "../core/time.ts";
import type { Filter } from "../store/filter.ts";
import type { Found } from "../store/reader.ts";
import { searchModes, type Hit } from "../store/search.ts";
import { projectNamed, searchHere, type Context } from "./context.ts";
import { entryMarkdown, entryOf, entrySchema, entryText, originMark, shortenEntry, type Entry } from "./entry.ts";
import { explanationOf, explanationSchema, explanationText } from "./explanation.ts";
import { text } from "./fields.ts";
import { defineOperation, surfaces } from "./operation.ts";
import { budgetBytes, offset, pageOfEntries } from "./page.ts";

const input = z.strictObject({
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
    .describe("Only of this project (`.`: this repository).")
    .register(surfaces, {
      cli: { short: "p" },
    }),
  since: text
    .default("")
    .describe("Only since this date, time or age (`7d`).")
    .register(surfaces, { cli: { metavar: "TIME" }, mcp: { name: "since_iso" } }),
  until: text
    .default("")
    .describe("Only until this date, time or age.")
    .register(surfaces, { cli: { metavar: "TIME" }, mcp: { name: "until_iso" } }),
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
  search_mode: z.enum(searchModes).default("auto").describe("Which words must match."),
  sort: z.enum(["relevance", "newest"]).default("relevance").describe("What comes first.").register(surfaces, {
    mcp: false,
  }),
  explain: z.boolean().default(false).describe("Say why each entry ranks where it does.").register(surfaces, {
    mcp: false,
  }),
  format: z.enum(["text", "markdown", "json"]).default("text").describe("How to print.").register(surfaces, {
    mcp: false,
  }),
  budget_bytes: budgetBytes,
});

const output = () =>
  z.strictObject({
    count: z.int(),
    pc_id: z.string().describe("This host."),
    fell_back: z.boolean().describe("No entry has all words: these have some of them."),
    observations: z.array(entrySchema().extend({ explain: explanationSchema().optional() })),
  });
type SearchEntry = z.output<ReturnType<typeof output>>["observations"][number];

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
    page: ({ observations, pc_id, fell_back }, given, budget) =>
      pageOfEntries(
        {
          entries: observations,
          offset: given.offset,
          render: (entries, notice) =>
            [fell_back && "(no AND match; fell back to OR)", textOf(entries, pc_id), notice].filter(Boolean).join("\n"),
          shorten: shortenEntry,
        },
        budget,
      ),
  },
  input,
  output,
  async run(ctx, given) {
    const { query, limit, offset } = given;
    const now = timestamp(ctx.now());
    const filter = filterOf(ctx, given);
    const most = limit + offset;
    const [mode, sort] = [given.search_mode, given.sort];
    const result: { hits: (Found & Partial<Hit>)[]; fellBack: boolean } = query.trim()
      ? ctx.store().search(query, filter, now, most, { mode, sort, ...searchHere(ctx) })
      : { hits: ctx.store().list(filter, now, most), fellBack: false };
    if (result.fellBack) ctx.note?.("no entry has all of these words; showing entries with some of them");
    const observations = result.hits.slice(offset).map((hit) => {
      const explanation = given.explain ? hit.explain?.() : undefined;
      // Set in any case: a payload may have a field of this name.
      return { ...entryOf(hit), explain: explanation && explanationOf(explanation) };
    });
    return { count: observations.length, pc_id: ctx.who().pc_id, fell_back: result.fellBack, observations };
  },
  text({ observations }, { format }) {
    if (format === "json") return payloadJson(observations.map(({ state: _, ...payload }) => payload));
    if (format === "markdown") return observations.map(withWhy(entryMarkdown)).join("\n");
    return textOf(observations);
  },
});

function filterOf(ctx: Context, given: z.output<typeof input>): Filter {
  const since = boundOf(ctx, "since", given.since);
  const until = boundOf(ctx, "until", given.until);
  const project = projectNamed(ctx, given.project);
  const { agent_family, client_id, pc_id, session_id, include_superseded } = given;
  const equal = Object.entries({ project, agent_family, client_id, pc_id, session_id }).filter(
    ([, value]) => value !== "",
  );
  return { ...Object.fromEntries(equal), include_superseded, ...since, ...until };
}

/** The filter that a date, a time or an age makes; none for "". Throws UserError where it is none of these. */
export function boundOf(ctx: Context, name: "since" | "until", given: string): { since?: string; until?: string } {
  if (given === "") return {};
  const bound = parseBound(given, ctx.now(), name === "until");
  if (bound !== undefined) return { [name]: bound };
  throw new UserError("usage", `'${given}' is no date or time`, { hint: "for example 2026-01-31 or 7d" });
}

/** The text of an entry, and under it why it ranks where it does, where that was asked for. */
function withWhy(text: (entry: SearchEntry) => string): (entry: SearchEntry) => string {
  return (entry) => [text(entry), entry.explain && explanationText(entry.explain)].filter(Boolean).join("\n");
}

/** The original's text; seen from a host, entries of other hosts bear a mark. */
function textOf(entries: readonly SearchEntry[], here?: string): string {
  const origin = (entry: Entry) => (here === undefined ? undefined : originMark(entry, here));
  const whole = withWhy((entry) => entryText(entry, origin(entry)));
  return entries.map(whole).join("\n---\n") || "No matching memories.";
}
