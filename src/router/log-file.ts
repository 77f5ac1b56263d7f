import { closeSync, fchmodSync, fstatSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";

export interface LogFile {
  write(line: string): void;
  close(): void;
}

export interface LogLimits {
  maxBytes: number;
  /** How many full files are kept, as `.1` (the newest), `.2` … */
  kept: number;
}

/** A log that only its owner can read and that stays small: a full file is put aside, and the oldest one removed. */
export function openLogFile(path: string, { maxBytes, kept }: LogLimits = { maxBytes: 1 << 20, kept: 2 }): LogFile {
  let file = open(path);
  return {
    write(line) {
      const text = Buffer.from(`${line}\n`);
      try {
        if (file.size > 0 && file.size + text.length > maxBytes) {
          rotate(path, kept);
          closeSync(file.descriptor);
          file = open(path);
        }
        writeSync(file.descriptor, text);
        file.size += text.length;
      } catch {
        // A full disk costs this line of the log; the router goes on.
      }
    },
    close: () => closeSync(file.descriptor),
  };
}

function open(path: string): { descriptor: number; size: number } {
  const descriptor = openSync(path, "a", 0o600);
  fchmodSync(descriptor, 0o600); // one from before may have been readable for others
  return { descriptor, size: fstatSync(descriptor).size };
}

function rotate(path: string, kept: number): void {
  rmSync(`${path}.${kept}`, { force: true });
  for (let age = kept - 1; age >= 0; age--) {
    const from = age === 0 ? path : `${path}.${age}`;
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${path}.${age + 1}`);
  }
}
