import { z } from "zod";
import { UserError } from "../core/errors.ts";
import type { Context } from "./context.ts";

/** What `doctor` found in one respect, in the form of the Python original. */
export const checkSchema = z.strictObject({
  name: z.string(),
  status: z.enum(["pass", "warn", "fail"]),
  summary: z.string(),
  hint: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type Check = z.output<typeof checkSchema>;
export type Finding = Omit<Check, "name">;

/** A respect in which to look at this host. It changes nothing and creates nothing that stays. */
export interface Inspector {
  name: string;
  look(ctx: Context): Finding;
}

export function pass(summary: string, details: Finding["details"] = {}): Finding {
  return { status: "pass", summary, hint: "", details };
}

export function warn(summary: string, hint: string, details: Finding["details"] = {}): Finding {
  return { status: "warn", summary, hint, details };
}

export function fail(summary: string, hint: string, details: Finding["details"] = {}): Finding {
  return { status: "fail", summary, hint, details };
}

/** Looks; what cannot even be looked at has failed, with the reason. */
export function checked({ name, look }: Inspector, ctx: Context): Check {
  try {
    return { name, ...look(ctx) };
  } catch (error) {
    if (error instanceof UserError) return { name, ...fail(error.message, error.hint ?? "") };
    const { code, path, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return {
      name,
      ...fail(message, "Check the permissions of this path and of those above it.", { path, error: code }),
    };
  }
}
