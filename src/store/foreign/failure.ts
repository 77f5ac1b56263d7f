import { UserError, type ErrorCode } from "../../core/errors.ts";

const failures: { [code: string]: [kind: ErrorCode, message: string, hint: string] } = {
  ENOENT: ["notFound", "there is no such file or directory", "check the path"],
  ENOTDIR: ["notFound", "there is no such file or directory", "check the path"],
  EACCES: ["unavailable", "it may not be read", "check its permissions, and those of its directory"],
  EPERM: ["unavailable", "it may not be read", "check its permissions, and those of its directory"],
  ENOSPC: [
    "unavailable",
    "there is no space for a copy of it",
    "free some space, or set TMPDIR to where there is some",
  ],
  SQLITE_CANTOPEN: ["unavailable", "it cannot be opened", "check its permissions, and those of its directory"],
  SQLITE_PERM: ["unavailable", "it may not be read", "check its permissions, and those of its directory"],
  SQLITE_AUTH: ["unavailable", "it may not be read", "check its permissions, and those of its directory"],
  SQLITE_BUSY: ["unavailable", "another program holds its lock", "end that program, or try again"],
  SQLITE_IOERR: ["unavailable", "the disk does not answer as it should", "check the disk"],
  SQLITE_CORRUPT: ["corrupt", "it is damaged", "what could be read of it is imported; try a backup of it for the rest"],
  SQLITE_NOTADB: ["corrupt", "it is no database, or is encrypted or damaged", "check that it is the file you mean"],
};

/** Turns what goes wrong with a file that is not ours into what a person can act on, and names the file. */
export function foreignFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof UserError) {
    if (error.message.startsWith(path)) return error;
    return new UserError(error.code, `${path}: ${error.message}`, {
      ...(error.hint && { hint: error.hint }),
      cause: error,
    });
  }
  const code = String((error as NodeJS.ErrnoException).code ?? "").replace(/^(SQLITE_[A-Z]+).*/, "$1");
  const told = failures[code];
  if (!told) return error;
  const [kind, message, hint] = told;
  return new UserError(kind, `${path}: ${message}`, { hint, cause: error });
}
