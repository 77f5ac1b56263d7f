import { UserError } from "../core/errors.ts";

/** Where a failure becomes words and an exit status. Nothing below this line prints or exits. */
export function failure(error: unknown, json: boolean): { text: string; exitCode: number } {
  if (!(error instanceof UserError)) {
    return { text: `internal error: ${error instanceof Error ? error.stack : String(error)}`, exitCode: 70 };
  }
  const { code, message, hint, literal, exit } = error;
  if (json) return { text: JSON.stringify({ error: { code, message, hint } }), exitCode: exit };
  return { text: `${literal ? "" : "error: "}${message}${hint ? `\n hint: ${hint}` : ""}`, exitCode: exit };
}
