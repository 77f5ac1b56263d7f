import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { timestamp } from "../core/time.ts";
import { inspect, isDamaged, type Inspection } from "../store/inspect.ts";
import { repair, wasCutShort } from "../store/repair.ts";
import type { Context } from "./context.ts";
import { hasDatabase } from "./host-checks.ts";

/** What `doctor --repair` did. */
export const mendingSchema = z.strictObject({
  action: z.enum(["nothing", "rebuild", "repair"]),
  records: z.int().optional().describe("Records in the new database."),
  expected: z
    .int()
    .optional()
    .describe("Records in the damaged one, by its own count; absent where it cannot be read."),
  doubtful: z.int().optional().describe("Records whose payload is not what was saved. They are left out."),
  doubtful_path: z.string().optional().describe("Where the doubtful ones are written down."),
  notes: z.boolean().optional().describe("What only this host knew (what an import hid) came over."),
  kept_path: z.string().optional().describe("Where the damaged database is now."),
});
export type Mending = z.output<typeof mendingSchema>;

/** Mends the database if it needs it: what follows from the log is made anew, a damaged log goes into a new file. */
export function mendDatabase(ctx: Context): Mending {
  const path = ctx.paths.database;
  const found = hasDatabase(ctx) ? inspected(path) : undefined;
  if (found === "damaged" || (found && (isDamaged(found) || wasCutShort(path)))) {
    const { doubtfulPath, keptPath, expected, observations: _, ...result } = repair(path, timestamp(ctx.now()));
    return {
      action: "repair",
      ...result,
      ...(expected !== undefined && { expected }),
      ...(doubtfulPath !== undefined && { doubtful_path: doubtfulPath }),
      kept_path: keptPath,
    };
  }
  if (!found || (found.astray === 0 && found.problems.length === 0)) return { action: "nothing" };
  ctx.store().rebuild();
  return { action: "rebuild" };
}

function inspected(path: string): Inspection | "damaged" {
  try {
    return inspect(path);
  } catch (error) {
    if (error instanceof UserError && error.code === "corrupt") return "damaged";
    throw error;
  }
}

/** What was done, in lines for a person. */
export function mendingText({ action, ...did }: Mending): string {
  if (action === "nothing") return "repair: there is nothing to repair.";
  if (action === "rebuild") return "repair: the search tables and other projections were made anew from the log.";
  const of = did.expected === undefined ? "" : ` of ${did.expected}`;
  const lines = [
    `repair: ${did.records}${of} records are in a new database. The damaged one is kept: ${did.kept_path}`,
  ];
  if (did.doubtful)
    lines.push(`repair: ${did.doubtful} records were changed by the damage; read them in ${did.doubtful_path}`);
  if (!did.notes) lines.push("repair: what only this host knew (which observations an import hid) could not be read.");
  return lines.join("\n");
}
