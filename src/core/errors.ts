/** Why a request could not be served. The set is closed: each code has one exit status, for good. */
export const exitCodes = { usage: 2, notFound: 3, conflict: 4, unavailable: 5, denied: 6, corrupt: 7 } as const;
export type ErrorCode = keyof typeof exitCodes;

interface Details {
  /** What to do next, as a command to type where there is one. */
  hint?: string;
  cause?: unknown;
  /** A text and status that scripts written for the Python original rely on: printed without `error: `. */
  literal?: true;
  /** Overrides the code's exit status where the Python original used another. */
  exit?: number;
}

/** A failure the caller can act on. Anything else that is thrown is a bug, and exits 70. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly literal: boolean;
  readonly exit: number;

  constructor(code: ErrorCode, message: string, { hint, cause, literal, exit }: Details = {}) {
    super(message, { cause });
    this.code = code;
    this.hint = hint;
    this.literal = literal ?? false;
    this.exit = exit ?? exitCodes[code];
  }
}
