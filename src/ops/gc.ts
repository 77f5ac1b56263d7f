import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { payloadOf } from "../core/observation.ts";
import { isId } from "../core/record.ts";
import { timestamp } from "../core/time.ts";
import { recordOf } from "../store/store.ts";
import type { OfHost } from "../store/upkeep.ts";
import { requireYes } from "./confirm.ts";
import { requireProject, type Context } from "./context.ts";
import { text } from "./fields.ts";
import { defineOperation, surfaces } from "./operation.ts";
import { repr } from "./python.ts";

const day = 86_400_000;
/** How many are erased in one transaction: the steps in which the original reports progress. */
const batchSize = 500;

const input = z.strictObject({
  force_id: text
    .default("")
    .describe("Erase this one now, and never accept it again. A full id.")
    .register(surfaces, {
      cli: { metavar: "ID" },
    }),
  retention_days: z.int().min(0).default(30).describe("Erase what was withdrawn at least so many days ago."),
  project: text
    .default("")
    .describe("Only in this project. `.` is the repository one is in.")
    .register(surfaces, { cli: { short: "p" } }),
  by_pc_id: text
    .default("")
    .describe("Erase all that another host saved. A full host id.")
    .register(surfaces, {
      cli: { metavar: "ID" },
    }),
  session_prefix: text.default("").describe("With --by-pc-id: only sessions whose name begins so."),
  execute: z.boolean().default(false).describe("With --by-pc-id: really erase, instead of counting."),
  yes: z.boolean().default(false).describe("With --execute: without asking."),
  shadow_prune: z
    .boolean()
    .default(true)
    .describe("Leave out the sweep of shadows. Accepted for scripts of the original; there is none to leave out."),
});
type Input = z.output<typeof input>;

const output = () =>
  z.strictObject({
    mode: z.enum(["retention", "force-id", "by-pc-id"]),
    matched: z.int().describe("What a dry run would erase."),
    erased: z.int().describe("Observations whose content was here and is erased."),
    tombstones: z.int().describe("Tombstones that led to an erasure, or fell with it."),
    expired: z.int().describe("Observations withdrawn in this run because their time was over."),
  });
type Output = z.output<ReturnType<typeof output>>;

/**
 * Erases the content of what was withdrawn, by writing erasures: ids and digests stay, so nothing erased comes back.
 * Observations hidden on this host alone (an import's shadows) are never erased: they may be alive on another.
 */
export const gc = defineOperation({
  command: "gc",
  group: "upkeep",
  summary: "Erase the content of what was withdrawn long enough ago.",
  examples: ["gc", "gc --retention-days 0 -p demo", "gc --force-id 2cc76fd3176c42d199f7b25587d86ee6"],
  exits: { 1: "The question was not answered with yes." },
  effect: "destroy",
  input,
  output,
  async run(ctx, given) {
    if (given.force_id !== "") return forceId(ctx, given.force_id);
    if (given.by_pc_id !== "") return await byHost(ctx, given);
    return sweep(ctx, given);
  },
  text: (result, given) => texts[result.mode](result, given),
});

const texts: { [mode in Output["mode"]]: (result: Output, given: Input) => string } = {
  retention({ tombstones }, { retention_days, project, shadow_prune }) {
    const where = project && ` (project=${project})`;
    const shadows = shadow_prune ? " / 0 shadows (revived 0)" : " (shadow prune skipped)";
    return `retention ${retention_days}-day sweep${where}: physically deleted ${tombstones} tombstones${shadows}`;
  },
  "force-id"({ erased, tombstones }, { force_id }) {
    const parts = [erased > 0 && "obs", tombstones > 0 && "tomb"].filter(Boolean);
    if (parts.length === 0) return `observation_id ${force_id} not present on this replica.`;
    return `physically deleted (${parts.join(", ")}): ${force_id}`;
  },
  "by-pc-id"({ matched, erased, tombstones }, { execute }) {
    if (matched === 0) return "no targets — no observations matched the pc_id.";
    if (!execute) return "Dry run — pass --execute to actually delete.";
    return `physically deleted: obs=${erased}, tombs=${tombstones}, failures=0 (tomb sweep / broadcast skipped)`;
  },
};

function sweep(ctx: Context, { project: named, retention_days }: Input): Output {
  const now = ctx.now().getTime();
  const project = named === "" ? undefined : requireProject(ctx, named);
  const expired = ctx.store().expired(timestamp(now), project);
  withdrawExpired(ctx, expired);
  const ids = ctx.store().withdrawnBy(timestamp(Math.max(0, now - retention_days * day)), project);
  const erased = ids.filter((id) => ctx.store().record("observation", id)?.payload).length;
  erase(ctx, ids);
  if (expired.length > 0) ctx.note?.(`withdrew ${expired.length} observations whose time was over`);
  return { mode: "retention", matched: ids.length, erased, tombstones: ids.length, expired: expired.length };
}

/** What has expired is withdrawn as of then, so that every host counts its retention alike. */
function withdrawExpired(ctx: Context, expired: readonly { id: string; expires_at: string }[]): void {
  const tombstones = expired.map(({ id, expires_at }) => {
    return recordOf("tombstone", id, payloadOf({ observation_id: id, reason: "expired", deleted_at: expires_at }));
  });
  if (tombstones.length > 0) ctx.store().append(tombstones);
}

function forceId(ctx: Context, id: string): Output {
  if (!isId(id)) {
    throw new UserError("usage", "--force-id requires a full 32-character observation_id.", { literal: true });
  }
  const has = (kind: "observation" | "tombstone") => (ctx.store().record(kind, id)?.payload ? 1 : 0);
  const [erased, tombstones] = [has("observation"), has("tombstone")];
  erase(ctx, [id]);
  if (erased + tombstones === 0) ctx.note?.("note: it is blocked now: content of this id is never accepted");
  return { mode: "force-id", matched: erased, erased, tombstones, expired: 0 };
}

async function byHost(ctx: Context, { by_pc_id, session_prefix, execute, yes }: Input): Promise<Output> {
  if (!isId(by_pc_id)) {
    throw new UserError("usage", "--by-pc-id requires a 32-character pc_id.", { literal: true });
  }
  if (by_pc_id === ctx.who().pc_id) {
    throw new UserError("usage", "--by-pc-id is not supported in local mode.", {
      literal: true,
      hint: "this is the host you are on; it erases what another one saved",
    });
  }
  const found = ctx.store().ofHost(by_pc_id, session_prefix);
  ctx.note?.(
    `scanning mem/obs/** pc_id=${repr(by_pc_id)}${session_prefix && ` session_prefix=${repr(session_prefix)}`}`,
  );
  ctx.note?.(`matched obs: ${found.length} entries`);
  for (const line of breakdown(found)) ctx.note?.(line);
  const result = { mode: "by-pc-id", matched: found.length, erased: 0, tombstones: 0, expired: 0 } as const;
  if (found.length === 0 || !execute) return result;
  if (!yes) {
    await requireYes(
      ctx,
      `Physically delete ${found.length} obs for pc_id=${by_pc_id}?`,
      "--execute requires interactive confirmation. Pass --yes for non-interactive use.",
    );
  }
  const tombstones = found.filter(({ deleted }) => deleted).length;
  erase(
    ctx,
    found.map(({ id }) => id),
  );
  return { ...result, erased: found.length, tombstones };
}

/** How many per session, most first. */
function breakdown(found: readonly OfHost[]): string[] {
  if (found.length === 0) return [];
  const sessions = [...Map.groupBy(found, ({ session_id }) => session_id)];
  const lines = sessions
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([session, { length }]) => `  ${repr(session).padStart(40)}: ${length}`);
  return ["session breakdown:", ...lines];
}

function erase(ctx: Context, ids: readonly string[]): void {
  const erased_at = timestamp(ctx.now());
  for (let from = 0; from < ids.length; from += batchSize) {
    const batch = ids.slice(from, from + batchSize);
    const records = batch.map((id) => recordOf("erasure", id, payloadOf({ observation_id: id, erased_at })));
    ctx.store().append(records);
    const done = from + batch.length;
    if (batch.length === batchSize) ctx.note?.(`  progress: ${done}/${ids.length} (purged=${done}, fail=0)`);
  }
  if (ctx.store().purge()) return;
  ctx.note?.("note: another process is reading the database; run gc again later, so that the bytes leave the file too");
}
