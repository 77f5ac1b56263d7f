import { UserError } from "../core/errors.ts";
import type { Context } from "./context.ts";

/** Asks before what cannot be undone. Throws unless the answer is yes; `unattended` says what to do where nobody can answer. */
export async function requireYes(ctx: Context, question: string, unattended: string): Promise<void> {
  const answer = await ctx.confirm?.(question);
  if (answer) return;
  if (answer === undefined) throw new UserError("usage", unattended, { literal: true });
  throw new UserError("denied", "cancelled.", { literal: true, exit: 1 });
}
