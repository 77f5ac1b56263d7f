import { chmodSync, mkdirSync } from "node:fs";

/** Makes a directory that only its owner can enter, its parents included where they are missing. */
export function privateDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700); // the mode above does not apply to a directory that was already there
  return path;
}

/** Whether a process with this id runs now, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, but not ours
  }
}
