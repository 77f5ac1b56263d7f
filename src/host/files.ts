import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";

/** More than any file we read holds in good faith. Some come with a stranger's repository. */
const mostBytes = 256 * 1024;

/**
 * The text of a small file, undefined where there is none. Throws UserError `unavailable` where it cannot be read, is no
 * file (a pipe would hold us for ever) or is far too large.
 */
export function readSmallFile(path: string): string | undefined {
  try {
    const kind = statSync(path, { throwIfNoEntry: false });
    if (!kind) return undefined;
    if (!kind.isFile()) throw new UserError("unavailable", `${path} is no regular file`, { hint: "remove it" });
    if (kind.size > mostBytes) {
      throw new UserError("unavailable", `${path} has ${kind.size} bytes, the limit is ${mostBytes}`, {
        hint: "make it smaller",
      });
    }
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (cause instanceof UserError) throw cause;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UserError("unavailable", `${path} cannot be read`, { hint: "check its permissions", cause });
  }
}

/** Makes a directory, and those above it, that only its owner can enter. One that exists is left as it is. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UserError("unavailable", `the directory cannot be made: ${path}`, {
      hint: "check the permissions above it, or name others in KIOKU_MESH_STATE_DIR and XDG_CONFIG_HOME",
      cause,
    });
  }
}

/** Writes a file that only its owner can read, whole or not at all. */
export function writePrivateFile(path: string, text: string): void {
  makePrivateDirectory(dirname(path));
  const draft = draftPrivateFile(path);
  try {
    draft.write(text);
    draft.keep();
  } finally {
    draft.discard();
  }
}

/**
 * Makes a file that only its owner can read, unless it is there. Of several processes that make it at once one wins, and all
 * then read the same: it appears by a hard link, complete or not at all. Throws what the system throws.
 */
export function makePrivateFile(path: string, text: string): void {
  const draft = join(dirname(path), `.${basename(path)}.tmp.${process.pid}.${crypto.randomUUID().slice(0, 8)}`);
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: "wx", flush: true });
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    discard(draft);
  }
}

/**
 * Begins a file that only its owner can read, under another name beside its place. `keep` puts it there, on disk;
 * `discard` removes what was not kept. Throws UserError `unavailable`, also where the place holds what is no file: a
 * device would be replaced.
 */
export function draftPrivateFile(path: string) {
  const name = join(dirname(path), `.${basename(path)}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`);
  let file: number | undefined;

  function attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw new UserError("unavailable", `${path} cannot be written`, {
        hint: "check the permissions of its directory, and the free space",
        cause,
      });
    }
  }

  function close(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
  }

  attempt(() => {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error("it is no regular file");
    file = openSync(name, "wx", 0o600);
  });
  return {
    write: (text: string): void => attempt(() => writeFileSync(file!, text)),
    keep(): void {
      attempt(() => {
        fsyncSync(file!);
        close();
        renameSync(name, path);
      });
    },
    discard(): void {
      close();
      discard(name);
    },
  };
}

/** Removes a file of ours if it is there and can be removed: what went wrong before is what there is to report. */
export function discard(draft: string): void {
  try {
    rmSync(draft, { force: true });
  } catch {
    // a draft that stays behind harms nobody
  }
}
