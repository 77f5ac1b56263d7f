import { statSync } from "node:fs";
import { z } from "zod";
import { amount } from "../core/amount.ts";
import { UserError } from "../core/errors.ts";
import { databasesIn, isSameFile, openSource, openText, type Source } from "../store/foreign/source.ts";
import type { Context } from "./context.ts";
import { text } from "./fields.ts";
import { defineOperation, surfaces } from "./operation.ts";
import { takeIn, totalOf, type Harvest, type Tally } from "./take-in.ts";

const tallySchema = z.strictObject({
  observations: z.int().describe("Observations that are new here."),
  tombstones: z.int(),
  erasures: z.int(),
  others: z.int().describe("Records of kinds that a later release may know."),
  hidden: z.int().describe("Observations among them that are hidden, on this host only."),
  unreadable: z.int().describe("Observations among them that are kept and cannot be read."),
  present: z.int().describe("Records that were here already."),
  refused: z.int().describe("Rows that are no records."),
});

const output = () =>
  z.strictObject({
    dry_run: z.boolean(),
    total: tallySchema,
    sources: z.array(z.strictObject({ path: z.string(), name: z.string(), ...tallySchema.shape })),
    problems: z.array(
      z.strictObject({
        path: z.string(),
        where: z.string().describe("The row; empty where it is the whole file."),
        message: z.string(),
      }),
    ),
    failed: z.int().describe("Files that could not be read, or not to their end."),
  });
type Output = z.output<ReturnType<typeof output>>;

export const importOperation = defineOperation({
  command: "import",
  group: "upkeep",
  summary: "Take in the memories of the Python program, or an export.",
  examples: ["import --dry-run", "import ~/backup/mesh-mem", "import backup.jsonl", "import - < backup.jsonl"],
  exits: { 1: "Something could not be taken in. The answer names it; what could is here." },
  effect: "write",
  input: z.strictObject({
    path: text
      .optional()
      .describe(
        "A database, a directory of them, or an export (`-`: standard input). Without: what is on this machine.",
      )
      .register(surfaces, { cli: { positional: true } }),
    dry_run: z.boolean().default(false).describe("Say what would be taken in, and change nothing."),
  }),
  output,
  run: (ctx, { path, dry_run }) => (path === undefined ? importFound(ctx, dry_run) : importNamed(ctx, path, dry_run)),
  text: reportOf,
  status: ({ failed, total }) => (failed > 0 || total.refused > 0 ? 1 : 0),
});

/** Takes in all databases of the Python program that are on this machine. */
export function importFound(ctx: Context, dryRun: boolean): Promise<Output> {
  return importAll(ctx, ctx.paths.foreignDirectories.flatMap(databasesIn), dryRun);
}

async function importNamed(ctx: Context, path: string, dryRun: boolean): Promise<Output> {
  if (path !== "-" && statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const databases = databasesIn(path);
    if (databases.length > 0) return await importAll(ctx, databases, dryRun);
    throw new UserError("notFound", `there is no database in ${path}`, { hint: "name the file itself" });
  }
  if (isSameFile(path, ctx.paths.database)) throw new UserError("usage", `${path} is the database in use`);
  const source = path === "-" ? standardInput(ctx) : openSource(path);
  try {
    const [harvest] = await takeIn(ctx, [source], dryRun);
    if (harvest!.failure && isEmpty(harvest!.tally)) throw harvest!.failure;
    return answer([harvest!], [], dryRun);
  } finally {
    source.close();
  }
}

function standardInput(ctx: Context): Source {
  if (ctx.input) return openText("standard input", ctx.input());
  throw new UserError("usage", "there is no standard input here");
}

/** What cannot be opened does not keep the rest from being taken in. */
async function importAll(ctx: Context, paths: readonly string[], dryRun: boolean): Promise<Output> {
  const sources: Source[] = [];
  const unopened: Unopened[] = [];
  try {
    for (const path of paths) {
      if (isSameFile(path, ctx.paths.database)) continue;
      try {
        sources.push(openSource(path));
      } catch (failure) {
        if (!(failure instanceof UserError)) throw failure;
        unopened.push({ path, failure });
      }
    }
    return answer(await takeIn(ctx, sources, dryRun), unopened, dryRun);
  } finally {
    for (const { close } of sources) close();
  }
}

interface Unopened {
  path: string;
  failure: UserError;
}

function answer(harvests: readonly Harvest[], unopened: readonly Unopened[], dry_run: boolean): Output {
  const failed = [
    ...unopened,
    ...harvests.flatMap(({ source, failure }) => (failure ? [{ path: source.path, failure }] : [])),
  ];
  return {
    dry_run,
    total: totalOf(harvests),
    sources: harvests.map(({ source: { path, name }, tally }) => ({ path, name, ...tally })),
    problems: [
      ...failed.map(({ path, failure }) => ({ path, where: "", message: failure.message.replace(`${path}: `, "") })),
      ...harvests.flatMap(({ source: { path }, refused }) =>
        refused.map((row) => ({ path, where: row.where, message: row.refused })),
      ),
    ],
    failed: failed.length,
  };
}

/** A report in lines. */
export function reportOf({ dry_run, sources, total, problems, failed }: Output): string {
  if (sources.length + failed === 0) return "nothing to import: there is no database of the Python program here.";
  const named = problems.map(({ path, where, message }) => `not imported: ${path}${where && `, ${where}`}: ${message}`);
  const unnamed = total.refused - problems.filter(({ where }) => where !== "").length;
  return [
    ...sources.map(({ path, name, ...tally }) => `${path} (${name}): ${countsOf(tally)}`),
    ...named,
    ...(unnamed > 0 ? [`not imported: ${unnamed} more rows`] : []),
    isNews(total) ? `${dry_run ? "would import" : "imported"}: ${countsOf({ ...total, present: 0 })}` : "nothing new.",
  ].join("\n");
}

/** Counts in words, those that are not zero. */
function countsOf(tally: Tally): string {
  const counts = Object.entries(words).map(([key, [one, many]]) => {
    const n = tally[key as keyof Tally];
    return n > 0 && amount(n, one, many);
  });
  return counts.filter(Boolean).join(", ") || "nothing";
}

const words: { [key in keyof Tally]: [one: string, many: string] } = {
  observations: ["observation", "observations"],
  tombstones: ["tombstone", "tombstones"],
  erasures: ["erasure", "erasures"],
  others: ["record of an unknown kind", "records of unknown kinds"],
  hidden: ["hidden on this host", "hidden on this host"],
  unreadable: ["kept unread", "kept unread"],
  present: ["here already", "here already"],
  refused: ["refused", "refused"],
};

function isNews({ present: _, refused: __, ...news }: Tally): boolean {
  return Object.values(news).some((n) => n > 0);
}

function isEmpty(tally: Tally): boolean {
  return Object.values(tally).every((n) => n === 0);
}
