import { UserError, exitCodes, type ErrorCode } from "../core/errors.ts";

const meanings: { [code in ErrorCode]: string } = {
  usage: "The request is malformed, or asks for what cannot be.",
  notFound: "There is no such thing.",
  conflict: "It is there already, or has changed meanwhile.",
  unavailable: "Disk, lock or permission is missing now; a retry may work.",
  denied: "It was not allowed.",
  corrupt: "Our data is damaged, or of a newer release.",
};

/** Every exit status and what it means. Commands whose statuses the Python original set differ; their pages say so. */
export const exitStatuses: readonly (readonly [status: string, meaning: string])[] = [
  ["0", "Done. Finding nothing is done."],
  ...Object.entries(meanings).map(([code, meaning]) => [String(exitCodes[code as ErrorCode]), meaning] as const),
  ["70", "A bug of ours."],
  ["128+n", "Ended by signal n."],
];

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
