import { z } from "zod";
import { timestamp } from "../core/time.ts";
import type { Filter } from "../store/filter.ts";
import type { Found } from "../store/reader.ts";
import { searchModes } from "../store/search.ts";
import type { Store } from "../store/store.ts";
import { projectNamed, searchHere } from "./context.ts";
import { entryOf, entrySchema, originOf, shortenEntry, type Entry } from "./entry.ts";
import { list, memoryType, text } from "./fields.ts";
import { fenced, framed, oneLine } from "./frame.ts";
import { defineOperation, surfaces } from "./operation.ts";
import { budgetBytes, cutText, offset, pageOfEntries } from "./page.ts";
import { boundOf } from "./search.ts";

const input = z.strictObject({
  query: text
    .default("")
    .describe("The task in a few words.")
    .register(surfaces, { cli: { positional: true } }),
  project: text
    .default("")
    .describe("Only of this project (`.`: this repository).")
    .register(surfaces, { cli: { short: "p" } }),
  memory_types: z
    .array(memoryType)
    .default([])
    .describe("Only these types.")
    .register(surfaces, { cli: { commas: true } }),
  source_files: list
    .default([])
    .describe("Only with one of these files.")
    .register(surfaces, { cli: { commas: true } }),
  references: list
    .default([])
    .describe("Only with one of these references.")
    .register(surfaces, { cli: { commas: true } }),
  since: text
    .default("")
    .describe("Only since this date, time or age (`7d`).")
    .register(surfaces, { cli: { metavar: "TIME" }, mcp: { name: "since_iso" } }),
  limit: z
    .int()
    .min(1)
    .max(100)
    .default(20)
    .describe("Most results.")
    .register(surfaces, { cli: { short: "n" }, mcp: { clamp: true } }),
  search_mode: z.enum(searchModes).default("and_or").describe("Which words must match."),
  offset,
  budget_bytes: budgetBytes,
});
type Input = z.output<typeof input>;

const output = () =>
  z.strictObject({
    count: z.int(),
    pc_id: z.string(),
    observations: z.array(entrySchema()),
  });
type Output = z.output<ReturnType<typeof output>>;

export const recallContext = defineOperation({
  command: "recall-context",
  group: "memory",
  summary: "Print what to know before work on something, in full, framed for an agent.",
  examples: [
    'recall-context "retry and back-off in the client" -p .',
    "recall-context -p . --memory-types decision,config",
  ],
  effect: "read",
  tool: {
    name: "recall_context",
    title: "Recall context",
    description: `PROACTIVELY call this once before a task, with project "." and the task as query: relevant memories in full. Without a query: what matters most and what is new.`,
    always: true,
    structured: ["count"],
    page: (found, given, budget) =>
      pageOfEntries(
        {
          entries: found.observations,
          offset: given.offset,
          render: (entries, notice) => textOf(found, entries, given, notice),
          shorten: shortenEntry,
        },
        budget,
      ),
  },
  input,
  output,
  async run(ctx, { query, project, since, limit, offset, ...given }) {
    const now = ctx.now();
    const named = projectNamed(ctx, project);
    const filter: Filter = {
      ...(named !== "" && { project: named }),
      ...(given.memory_types.length > 0 && { memory_types: given.memory_types }),
      ...(given.source_files.length > 0 && { source_files: given.source_files }),
      ...(given.references.length > 0 && { references: given.references }),
      ...boundOf(ctx, "since", since),
    };
    const most = limit + offset;
    const found = query.trim()
      ? ctx.store().search(query, filter, timestamp(now), most, { mode: given.search_mode, ...searchHere(ctx) }).hits
      : mostTelling(ctx.store(), filter, now, most);
    const observations = found.slice(offset).map(entryOf);
    return { count: observations.length, pc_id: ctx.who().pc_id, observations };
  },
  text: (found, given) => textOf(found, found.observations, given, ""),
});

/**
 * What to know where nothing is asked. An entry weighs its importance less the binary logarithm of its age (in weeks,
 * plus one): a step of importance makes up for twice the age, so that this week's notes come before last month's, and
 * a lasting decision stays above old trifles. Within one importance that is newest first, so the newest of each are
 * enough to choose from.
 */
function mostTelling(store: Store, filter: Filter, now: Date, most: number): Found[] {
  const newest = [1, 2, 3, 4, 5].flatMap((importance) => store.list({ ...filter, importance }, timestamp(now), most));
  return newest
    .map((found) => ({ found, weight: tellingWeight(found.observation, now) }))
    .toSorted((a, b) => (a.weight === b.weight ? 0 : b.weight - a.weight))
    .slice(0, most)
    .map(({ found }) => found);
}

/** How much an observation has to tell where nothing is asked; minus infinity for one without a valid time. */
export function tellingWeight(
  { importance, created_at }: { importance: number; created_at: string },
  now: Date,
): number {
  const weeks = Math.max(0, now.getTime() - Date.parse(created_at)) / 604_800_000;
  return Number.isNaN(weeks) ? -Infinity : importance - Math.log2(1 + weeks);
}

function textOf({ count, pc_id }: Output, entries: readonly Entry[], given: Input, notice: string): string {
  if (entries.length === 0) return "No matching current context.";
  const head = `recall_context: ${count} result(s)\nfilters: ${filtersText(given)}`;
  return [head, framed(entriesText(entries, pc_id)), notice].filter(Boolean).join("\n");
}

/** Entries of one project and type stand together, under a heading, where the first of them would stand. */
function entriesText(entries: readonly Entry[], here: string): string {
  const groups = Map.groupBy(entries, (o) => `### project=${oneLine(o.project) || "-"} / memory_type=${o.memory_type}`);
  return Array.from(groups, ([heading, group]) => {
    return `${heading}\n\n${group.map((o) => entryText(o, here)).join("\n---\n")}`;
  }).join("\n---\n");
}

/** An entry in full. Its content has a fence of its own, so that it cannot pass for another entry. */
function entryText(o: Entry, here: string): string {
  const { client, host } = originOf(o, here);
  const lines: [name: string, value: string][] = [
    ["id", o.observation_id],
    ["state", o.state],
    ["importance", String(o.importance)],
    ["created_at", o.created_at],
    ["origin", `${client} (${host})`],
    ["subject", o.subject],
    ["summary", o.summary],
    ["tags", o.tags.join(", ")],
    ["source_files", o.source_files.join(", ")],
    ["references", o.references.join(", ")],
    ...(o.supersedes.length > 0 ? [["supersedes", o.supersedes.join(", ")] as [string, string]] : []),
  ];
  return `${lines.map(([name, value]) => `${name}: ${oneLine(value) || "-"}`).join("\n")}\ncontent:\n${fenced(o.content)}`;
}

/** The caller's own filters, in the notation of the Python original. */
function filtersText({ project, memory_types, source_files, references, since, query }: Input): string {
  const given = Object.entries({ project, memory_types, source_files, references, since, query });
  const told = given.filter(([, value]) => value.length > 0).map(([name, value]) => `${name}=${notation(value)}`);
  return cutText(told.join(", "), 300) || "none";
}

function notation(value: string | readonly string[]): string {
  return typeof value === "string" ? `'${oneLine(value)}'` : `[${value.map(notation).join(", ")}]`;
}
