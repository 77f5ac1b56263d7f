import { UserError } from "../core/errors.ts";

/** Turns what SQLite (and opening its file) throws into what a person can act on. Anything unexpected passes through: it is a bug. */
export function storeFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const code = String((error as NodeJS.ErrnoException).code ?? "");
  const told = failures[code] ?? failures[code.replace(/^(SQLITE_[A-Z]+).*/, "$1")];
  if (!told) return error;
  const [kind, message, hint] = told;
  return new UserError(kind, `${message}: ${path}`, { hint, cause: error });
}

const failures: { [code: string]: [kind: "unavailable" | "corrupt", message: string, hint: string] } = {
  ENOSPC: ["unavailable", "the disk is full", "free some space and try again; nothing was half-written"],
  ENOENT: ["unavailable", "the database cannot be opened", "check that the state directory exists"],
  ENOTDIR: ["unavailable", "the database cannot be opened", "check that the state directory is a directory"],
  EACCES: ["unavailable", "the database cannot be opened", "check the permissions of the state directory"],
  EROFS: ["unavailable", "the database cannot be written", "check the permissions of the state directory"],
  EDQUOT: ["unavailable", "your share of the disk is full", "free some space and try again; nothing was half-written"],
  SQLITE_FULL: ["unavailable", "the disk is full", "free some space and try again; nothing was half-written"],
  SQLITE_IOERR_SHMSIZE: ["unavailable", "the disk is full", "free some space and try again; nothing was half-written"],
  SQLITE_READONLY: ["unavailable", "the database cannot be written", "check the permissions of the state directory"],
  SQLITE_CANTOPEN: ["unavailable", "the database cannot be opened", "check the permissions of the state directory"],
  SQLITE_PERM: ["unavailable", "the database cannot be opened", "check the permissions of the state directory"],
  SQLITE_IOERR: [
    "unavailable",
    "the disk does not answer as it should",
    "check the disk, its free space and your limits on it",
  ],
  SQLITE_BUSY: [
    "unavailable",
    "the database is locked by another process",
    "try again; `kioku-mesh doctor` shows who holds it",
  ],
  SQLITE_CORRUPT: ["corrupt", "the database is damaged", "see `kioku-mesh doctor`, then `kioku-mesh doctor --repair`"],
  SQLITE_NOTADB: [
    "corrupt",
    "this is not a database of ours",
    "see `kioku-mesh doctor`, then `kioku-mesh doctor --repair`",
  ],
};
