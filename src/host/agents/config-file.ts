import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../core/errors.ts";

/** The text of another program's file, undefined where there is none. Throws UserError where it cannot be read. */
export function readConfig(path: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const why = cause instanceof TypeError ? "is no UTF-8 text" : "cannot be read";
    throw new UserError("unavailable", `${path} ${why}`, { hint: "nothing was changed", cause });
  }
}

/**
 * Replaces another program's file by what `edit` makes of its text (undefined: no file), whole or not at all: a draft
 * beside it, synced, then renamed. Mode and owner stay, a link keeps pointing where it does. Refuses where the file
 * changed meanwhile. The text that was is kept in `FILE.bak-STAMP`; gives that path where there was one to keep.
 */
export function editConfig(
  path: string,
  now: Date,
  edit: (text: string | undefined) => string | undefined,
): string | undefined {
  const file = linked(path);
  const before = readConfig(file);
  const after = edit(before);
  if (after === before) return undefined;
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString("hex")}`);
  try {
    const backup = before === undefined ? undefined : keepBackup(file, before, now);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    if (after !== undefined) write(draft, after, statSync(file, { throwIfNoEntry: false }));
    if (readConfig(file) !== before) {
      throw new UserError("conflict", `${path} was changed by another program meanwhile`, { hint: "try again" });
    }
    if (after === undefined) rmSync(file);
    else renameSync(draft, file);
    return backup;
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError("unavailable", `${path} cannot be written: ${(cause as Error).message}`, {
      hint: "if another program manages it, add what --dry-run shows there",
      cause,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * What a file was before an edit that can be made again: the newest backup, or no file at all (`was` undefined), from
 * which it leads to the present text. Undefined where none does, since something else has changed meanwhile.
 */
export function textBefore(path: string, leadsHere: (was: string) => boolean): { was: string | undefined } | undefined {
  const file = linked(path);
  const names = readdirSync(dirname(file)).filter((name) => name.startsWith(`${basename(file)}.bak-`));
  const backups = names.toSorted().toReversed();
  const candidates = [...backups.map((name) => readConfig(join(dirname(file), name))), undefined];
  return candidates.map((was) => ({ was })).find(({ was = "" }) => leadsHere(was));
}

/** Where a path leads, through links, also where the last one points to nothing yet. */
function linked(path: string): string {
  let file = path;
  for (let hops = 0; hops < 40 && lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink(); hops++) {
    file = resolve(dirname(file), readlinkSync(file));
  }
  return file;
}

function keepBackup(file: string, text: string, now: Date): string {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  const mode = statSync(file).mode & 0o600;
  for (let n = 1; ; n++) {
    const backup = `${file}.bak-${stamp}Z${n > 1 ? `-${n}` : ""}`;
    try {
      writeFileSync(backup, text, { mode, flag: "wx", flush: true });
      return backup;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function write(draft: string, text: string, was: { mode: number; uid: number; gid: number } | undefined): void {
  const mode = was ? was.mode & 0o777 : 0o600;
  writeFileSync(draft, text, { mode, flag: "wx", flush: true });
  chmodSync(draft, mode); // the umask may have taken some of it
  const is = statSync(draft);
  if (was && (was.uid !== is.uid || was.gid !== is.gid)) chownSync(draft, was.uid, was.gid);
}
