import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { storeFailure } from "../store/failure.ts";
import type { Context } from "./context.ts";

export type Surface = "cli" | "mcp";

/** What JSON Schema cannot say of a field: how each surface shows it. Its own registry, so it never leaks. */
interface FieldOnSurfaces {
  /** How the command line takes it; `false`: not at all. */
  cli?: false | { name?: string; positional?: true; short?: string; stdin?: true; commas?: true; metavar?: string };
  /** How a tool takes it; `false`: not at all. `clamp`: a number out of range becomes the nearest one in it. */
  mcp?: false | { name?: string; clamp?: true };
}
export const surfaces = z.registry<FieldOnSurfaces>();

export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** The command; a space leads to a subcommand. */
  command: string;
  summary: string;
  effect: "read" | "write" | "destroy";
  input: I;
  output: O;
  /** The tool an agent sees; absent: for the command line only. The description is the prompt that makes it used. */
  tool?: { name: string; title: string; description: string };
  /** Does the work. Never prints, exits, or reads flags, environment or clock. */
  run(ctx: Context, input: z.output<I>): Promise<z.output<O>>;
  /** The answer as text for a person or a model. */
  text(output: z.output<O>, input: z.output<I>, surface: Surface): string;
  /** The exit status where a good answer is not 0. */
  status?(output: z.output<O>): number;
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

/** The only way in. Both surfaces call it, so both refuse the same input with the same words. */
export async function invoke(op: Operation, ctx: Context, raw: unknown): Promise<Answer> {
  const input = op.input.safeParse(raw);
  if (!input.success) throw new UserError("usage", input.error.issues.map(problem).join("; "));
  try {
    return { output: await op.run(ctx, input.data), input: input.data };
  } catch (error) {
    throw storeFailure(error, ctx.paths.database);
  }
}

function problem(issue: z.core.$ZodIssue): string {
  return issue.path.length ? `${issue.path.join(".")}: ${issue.message}` : issue.message;
}
