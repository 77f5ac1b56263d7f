import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { storeFailure } from "../store/failure.ts";
import type { Context } from "./context.ts";
import type { Budget, Page } from "./page.ts";

export type Surface = "cli" | "mcp";

/** What JSON Schema cannot say of a field: how each surface shows it. Its own registry, so it never leaks. */
interface FieldOnSurfaces {
  /** How the command line takes it; `false`: not at all. */
  cli?: false | FieldOnCommandLine;
  /** How a tool takes it; `false`: not at all. */
  mcp?: false | FieldOfTool;
}

interface FieldOfTool {
  name?: string;
  /** A number out of range becomes the nearest one in it. */
  clamp?: true;
  /** Must be given to the tool, though not at the command line. */
  required?: true;
  /** In the place of the schema's own, where that speaks of the command line. */
  description?: string;
}

interface FieldOnCommandLine {
  name?: string;
  positional?: true;
  short?: string;
  /** `-` reads it from standard input. */
  stdin?: true;
  /** `-` reads it from standard input, and on a terminal it is typed without being shown. */
  secret?: string;
  /** A list may also be given as one word with commas. */
  commas?: true;
  /** What stands for the value in help. */
  metavar?: string;
  /** The command is refused without this flag, with these words of the Python original. */
  demanded?: string;
}
export const surfaces = z.registry<FieldOnSurfaces>();

/** The headings under which help and the reference list the commands. */
export const groups = { memory: "Memory", upkeep: "Upkeep", host: "This machine", mesh: "Mesh" } as const;

export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** The command; a space leads to a subcommand. */
  command: string;
  group: keyof typeof groups;
  summary: string;
  /** Command lines that show how it is used, without the program's name. */
  examples: readonly string[];
  /** Exit statuses beside those that every command has (0, 2 and those of failures). */
  exits?: { [status: number]: string };
  effect: "read" | "write" | "destroy";
  input: I;
  /** Made when it is asked for, which running the operation does not. */
  output: () => O;
  /** The tool an agent sees; absent: for the command line only. The description is the prompt that makes it used. */
  tool?: Tool<I, O>;
  /** Does the work. Never prints, exits, or reads flags, environment or clock. */
  run(ctx: Context, input: z.output<I>): Promise<z.output<O>>;
  /** The answer as text for a person or a model. */
  text(output: z.output<O>, input: z.output<I>, surface: Surface): string;
  /** Another program starts it, and must not fail by it: every failure is silent, but for `--verbose`, and exits 0. */
  hook?: true;
  /** The exit status where a good answer is not 0. */
  status?(output: z.output<O>): number;
}

interface Tool<I extends z.ZodObject, O extends z.ZodObject> {
  name: string;
  title: string;
  description: string;
  /** Asks clients that hide tools until they are searched for to show this one from the start. */
  always?: true;
  /** The output fields that go out beside the text, as structured content. What the text says at length is none. */
  structured: readonly (keyof z.output<O> & string)[];
  /** The answer within a budget. Absent: its text, cut at the end. */
  page?(output: z.output<O>, input: z.output<I>, budget: Budget): Page;
}

/** Types the definition, then forgets the types: surfaces handle every operation alike. */
export function defineOperation<I extends z.ZodObject, O extends z.ZodObject>(op: Operation<I, O>): Operation {
  return op as unknown as Operation;
}

/** An answer, and the validated input it answers. */
export interface Answer {
  output: { [field: string]: unknown };
  input: { [field: string]: unknown };
}

/**
 * The only way in. Both surfaces call it, so both refuse the same input with the same words. `nameOf` gives the name
 * under which the caller knows a field.
 */
export async function invoke(
  op: Operation,
  ctx: Context,
  raw: unknown,
  nameOf: (key: string) => string = (key) => key,
): Promise<Answer> {
  const input = op.input.safeParse(raw, { error: problem });
  if (!input.success) {
    const problems = input.error.issues.map(({ path, message }) =>
      path.length > 0 ? `${nameOf(String(path[0]))} ${message}` : message,
    );
    throw new UserError("usage", problems.join("; "));
  }
  try {
    return { output: await op.run(ctx, input.data), input: input.data };
  } catch (error) {
    throw error instanceof UserError ? error : storeFailure(error, ctx.paths.database);
  }
}

/** What is wrong with a field, in words that continue its name. Undefined leaves the words to the schema. */
function problem(issue: z.core.$ZodRawIssue): string | undefined {
  const got = issue.input === undefined ? "" : `, got ${JSON.stringify(issue.input).slice(0, 80)}`;
  if (issue.code === "invalid_type") {
    return issue.input === undefined ? "is missing" : `must be ${typeNames[issue.expected] ?? issue.expected}${got}`;
  }
  if (issue.code === "too_small") return `must be at least ${issue.minimum}${got}`;
  if (issue.code === "too_big") return `must be at most ${issue.maximum}${got}`;
  if (issue.code === "invalid_value") return `must be one of ${issue.values.filter(Boolean).join(", ")}${got}`;
  return undefined;
}

const typeNames: { [expected: string]: string } = {
  string: "text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
};
