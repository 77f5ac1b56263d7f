import { UserError } from "../core/errors.ts";

/** Where a failure becomes words and an exit status. Nothing below this line prints or exits. */
export function failure(error: unknown, json: boolean): { text: string; exitCode: number } {
  const { code, message, hint, literal, exit } = error instanceof UserError ? error : bug(error);
  if (json) return { text: JSON.stringify({ error: { code, message, hint } }), exitCode: exit };
  return { text: `${literal ? "" : "error: "}${message}${hint ? `\n hint: ${hint}` : ""}`, exitCode: exit };
}

function bug(error: unknown) {
  const message = `internal error: ${error instanceof Error ? error.stack : String(error)}`;
  return { code: "internal", message, hint: undefined, literal: true, exit: 70 };
}
