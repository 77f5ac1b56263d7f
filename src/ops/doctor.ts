import { existsSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { checked, checkSchema, type Check } from "./check.ts";
import type { Context } from "./context.ts";
import { hostChecks } from "./host-checks.ts";
import { mendDatabase, mendingSchema, mendingText } from "./mend-database.ts";
import { meshState } from "./mesh-state.ts";
import { defineOperation } from "./operation.ts";
import { storeChecks } from "./store-checks.ts";

const severity = ["pass", "warn", "fail"] as const;

const verdicts = {
  pass: "all checks passed",
  warn: "completed with warnings",
  fail: "one or more checks failed",
} as const;

export const doctor = defineOperation({
  command: "doctor",
  group: "host",
  summary: "Look for what is wrong with this host, and say how to mend it.",
  examples: ["doctor", "doctor --json", "doctor --repair"],
  exits: { 1: "There are warnings.", 2: "A check failed." },
  effect: "write",
  input: z.strictObject({
    repair: z.boolean().default(false).describe("First save what a damaged database holds into a new one."),
  }),
  output: () =>
    z.strictObject({
      version: z.string(),
      ok: z.boolean(),
      worst_status: z.enum(severity),
      checks: z.array(checkSchema),
      repair: mendingSchema.optional(),
    }),
  async run(ctx, { repair }) {
    const mending = repair ? { repair: mendDatabase(ctx) } : {};
    const checks = [...allChecks(ctx), ...(await meshChecks(ctx))];
    const worst = Math.max(...checks.map(({ status }) => severity.indexOf(status)));
    return { version: ctx.version, ok: worst === 0, worst_status: severity[worst]!, checks, ...mending };
  },
  text: ({ checks, worst_status, repair }) =>
    `${repair ? `${mendingText(repair)}\n\n` : ""}${checks.map(checkText).join("\n")}\n\nverdict: ${verdicts[worst_status]}`,
  status: ({ worst_status }) => severity.indexOf(worst_status),
});

function allChecks(ctx: Context): Check[] {
  return [...hostChecks.map((inspector) => checked(inspector, ctx)), ...storeChecks(ctx)];
}

/** On a host of a mesh, its part in it. Only where there is a database: looking creates none. */
async function meshChecks(ctx: Context): Promise<Check[]> {
  try {
    if (ctx.settings().backend === "local" || !ctx.mesh || !existsSync(ctx.paths.database)) return [];
    const state = meshState(ctx);
    return state ? await (await ctx.mesh()).inspect(state) : [];
  } catch (error) {
    if (error instanceof UserError) return []; // what keeps us from looking, a check above has told
    throw error;
  }
}

function checkText({ name, status, summary, hint }: Check): string {
  return `[${status.toUpperCase()}] ${name} — ${summary}${hint && `\n    hint: ${hint}`}`;
}
