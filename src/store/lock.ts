import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createPrivateFile } from "./open.ts";
import { isBusy } from "./patience.ts";

/** Milliseconds: far more than looking at the lock takes, which is in the way of taking it meanwhile. */
const longestLook = 250;

/**
 * A lock that one process on this host can hold, by an exclusive transaction on a small database: every OS gives it back
 * when the holder ends, however it ends. Gives the function that releases it; undefined where another holds it.
 */
export function acquireLock(path: string): (() => void) | undefined {
  createPrivateFile(path);
  return tryLock(path, "begin exclusive", longestLook);
}

function tryLock(path: string, statement: string, wait: number): (() => void) | undefined {
  const db = new Database(path, { create: true });
  try {
    db.run(`pragma busy_timeout = ${wait}`);
    db.run(statement);
    return () => db.close();
  } catch (error) {
    db.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** The lock of the one process of a host that takes part in its mesh. */
export function meshLockPath(stateDirectory: string): string {
  return join(stateDirectory, "mesh", "lock.db");
}

/** Whether some process holds the lock now. Creates nothing, and takes nothing: any number may look at once. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const close = tryLock(path, "select count(*) from sqlite_master", 0);
  close?.();
  return close === undefined;
}
