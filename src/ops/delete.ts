import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { payloadOf } from "../core/observation.ts";
import { parseBound, timestamp } from "../core/time.ts";
import type { Filter } from "../store/filter.ts";
import type { Cursor } from "../store/reader.ts";
import { recordOf } from "../store/store.ts";
import { requireYes } from "./confirm.ts";
import { requireProject, type Context } from "./context.ts";
import { text } from "./fields.ts";
import { observationId, requireObservation } from "./observation-id.ts";
import { defineOperation, surfaces } from "./operation.ts";
import { repr } from "./python.ts";

/** More than this many at once is said aloud before the question. */
const large = 10_000;
const largestBatch = 10_000;

const input = z.strictObject({
  observation_id: observationId.optional().register(surfaces, { cli: { positional: true }, mcp: { required: true } }),
  reason: text
    .default("")
    .describe("Why, for whoever finds the tombstone.")
    .register(surfaces, { cli: { short: "r" } }),
  project: text
    .default("")
    .describe("All of this project. `.` is the repository one is in.")
    .register(surfaces, { cli: { short: "p" }, mcp: false }),
  pc_id: text.default("").describe("All that was saved on this host.").register(surfaces, { mcp: false }),
  since: text
    .default("")
    .describe("All since this date or time (ISO-8601; `7d` is seven days ago).")
    .register(surfaces, { cli: { metavar: "TIME" }, mcp: false }),
  until: text
    .default("")
    .describe("All up to this date (its whole day) or time.")
    .register(surfaces, { cli: { metavar: "TIME" }, mcp: false }),
  dry_run: z.boolean().default(false).describe("Only count what would be deleted.").register(surfaces, { mcp: false }),
  yes: z.boolean().default(false).describe("Delete many without asking.").register(surfaces, { mcp: false }),
  batch_size: z
    .int()
    .min(1)
    .default(1000)
    .describe("How many to delete in one transaction, at most 10000.")
    .register(surfaces, { mcp: false }),
});
type Input = z.output<typeof input>;

const output = () =>
  z.strictObject({
    /** What a bulk delete selected; null for a delete of one. */
    matched: z.int().nullable(),
    deleted: z.array(z.string()).describe("Ids."),
  });

export const deleteOperation = defineOperation({
  command: "delete",
  group: "memory",
  summary: "Withdraw one observation, or all that a selector names. `gc` erases them later.",
  examples: ["delete 2cc76fd3 -r 'no longer true'", "delete -p demo --until 2026-01-31 --dry-run"],
  exits: { 1: "There is no such observation, or the question was not answered with yes." },
  effect: "destroy",
  tool: {
    name: "delete_memory",
    title: "Delete one memory",
    description: "Withdraw a wrong or unwanted memory. To correct one, save a new one that supersedes it.",
    structured: ["deleted"],
  },
  input,
  output,
  async run(ctx, given) {
    checkCombination(given);
    if (given.observation_id !== undefined) {
      const { observation_id } = requireObservation(ctx, given.observation_id).observation;
      withdraw(ctx, [observation_id], given.reason);
      return { matched: null, deleted: [observation_id] };
    }
    return await deleteMany(ctx, given);
  },
  text({ matched, deleted }, { dry_run }) {
    if (matched === null) return `deleted (tombstone): ${deleted[0]}`;
    if (matched === 0) return "no targets — no observations matched the selector.";
    if (dry_run) return "Dry run — pass --yes to actually delete.";
    return `deleted (tombstone): ${deleted.length} entries`;
  },
});

const selectors = ["project", "pc_id", "since", "until"] as const;

function checkCombination(given: Input): void {
  const isBulk = selectors.some((name) => given[name] !== "");
  const one = given.observation_id !== undefined;
  if (one && isBulk) {
    throw refusal("observation_id and bulk selector (--project/--pc-id/--since/--until) cannot be combined.");
  }
  if (one && given.dry_run) throw refusal("--dry-run is only valid for bulk delete.");
  if (one && given.yes) throw refusal("--yes is only valid for bulk delete.");
  if (!one && !isBulk) throw refusal("bulk delete requires one of --project/--pc-id/--since/--until.");
}

async function deleteMany(ctx: Context, given: Input): Promise<z.output<ReturnType<typeof output>>> {
  const filter = filterOf(ctx, given);
  const matched = ctx.store().count(filter, timestamp(ctx.now()));
  const named = selectors.filter((name) => given[name] !== "").map((name) => `${name}=${repr(given[name])}`);
  ctx.note?.(`bulk delete target: ${matched} entries (${named.join(", ")})`);
  const deletes = matched > 0 && !given.dry_run;
  if (deletes && !given.yes) {
    if (matched > large) ctx.note?.(`NOTE: large bulk delete (${matched} > ${large} entries). It goes in batches.`);
    await requireYes(
      ctx,
      `Tombstone ${matched} entries?`,
      "bulk delete requires interactive confirmation. Pass --yes for non-interactive use.",
    );
  }
  const deleted = deletes ? deletePages(ctx, filter, given, matched) : [];
  ctx.note?.("hint: rows visible only in the local index (gc --by-pc-id matches 0) are");
  ctx.note?.("      better cleaned with: kioku-mesh --rebuild gc --retention-days 0 --project <name>");
  return { matched, deleted };
}

function deletePages(ctx: Context, filter: Filter, { batch_size, reason }: Input, matched: number): string[] {
  const deleted: string[] = [];
  let after: Cursor | undefined;
  for (;;) {
    const page = ctx.store().page(filter, timestamp(ctx.now()), Math.min(batch_size, largestBatch), after);
    after = page.at(-1);
    if (!after) return deleted;
    withdraw(
      ctx,
      page.map(({ id }) => id),
      reason,
    );
    deleted.push(...page.map(({ id }) => id));
    ctx.note?.(`  progress: ${deleted.length}/${matched} (ok=${deleted.length}, fail=0)`);
  }
}

/** Writes tombstones. One that is there already stays, with its earlier time. */
function withdraw(ctx: Context, ids: readonly string[], reason: string): void {
  const deleted_at = timestamp(ctx.now());
  ctx
    .store()
    .append(
      ids.map((observation_id) =>
        recordOf("tombstone", observation_id, payloadOf({ observation_id, reason, deleted_at })),
      ),
    );
}

function filterOf(ctx: Context, { project, pc_id, since, until }: Input): Filter {
  const [from, to] = [parseBound(since, ctx.now()), parseBound(until, ctx.now(), true)];
  if (until !== "" && to === undefined) throw refusal("--until must be in ISO8601 format.");
  if (since !== "" && from === undefined) throw refusal("--since must be in ISO8601 format.");
  return {
    include_superseded: true,
    include_expired: true,
    ...(project !== "" && { project: requireProject(ctx, project) }),
    ...(pc_id !== "" && { pc_id }),
    ...(from !== undefined && { since: from }),
    ...(to !== undefined && { until: to }),
  };
}

/** A refusal in the words of the Python original. */
function refusal(message: string): UserError {
  return new UserError("usage", message, { literal: true });
}
