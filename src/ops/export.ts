import { amount } from "../core/amount.ts";
import { z } from "zod";
import { exportLine } from "../store/foreign/lines.ts";
import { requireProject, type Context } from "./context.ts";
import { text } from "./fields.ts";
import { defineOperation, surfaces } from "./operation.ts";

export const exportOperation = defineOperation({
  command: "export",
  group: "upkeep",
  summary: "Write all records as JSON Lines, for a backup or another machine.",
  examples: ["export --out backup.jsonl", "export -p demo > demo.jsonl"],
  effect: "read",
  input: z.strictObject({
    out: text
      .default("-")
      .describe("The file to write, which only its owner can read (`-`: standard output).")
      .register(surfaces, { cli: { metavar: "FILE" } }),
    project: text
      .default("")
      .describe("Only what is known to belong to this project. `.` is the repository one is in.")
      .register(surfaces, { cli: { short: "p" } }),
  }),
  output: () => z.strictObject({ path: z.string(), records: z.int() }),
  async run(ctx, { out, project }) {
    const only = project === "" ? undefined : requireProject(ctx, project);
    const records = out === "-" ? await printRecords(ctx, only) : writeRecords(ctx, only, out);
    return { path: out, records };
  },
  text: ({ path, records }) => `exported ${amount(records, "record")}${path === "-" ? "" : ` to ${path}`}`,
});

async function printRecords(ctx: Context, project: string | undefined): Promise<number> {
  let records = 0;
  await ctx.print?.("");
  for (const page of ctx.store().exportPages(project)) {
    await ctx.print?.(page.map((row) => `${exportLine(row)}\n`).join(""));
    records += page.length;
  }
  return records;
}

function writeRecords(ctx: Context, project: string | undefined, path: string): number {
  const draft = ctx.draftFile(path);
  try {
    let records = 0;
    for (const page of ctx.store().exportPages(project)) {
      draft.write(page.map((row) => `${exportLine(row)}\n`).join(""));
      records += page.length;
    }
    draft.keep();
    return records;
  } finally {
    draft.discard();
  }
}
