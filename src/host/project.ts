import { statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { readSmallFile } from "./files.ts";

/**
 * The project of the repository around a directory: the name of its `origin` (else first) remote, else of its main
 * folder, so that all worktrees agree. "" outside of a repository. Only reads files: no git, no hooks are run.
 */
export function projectOf(directory: string): string {
  for (let at = resolve(directory); ; at = dirname(at)) {
    const repository = repositoryAt(join(at, ".git"));
    if (repository) {
      const name = remoteName(join(repository.common, "config")) ?? folderName(repository, at);
      return name.toWellFormed().replaceAll(/\p{Cc}/gu, "-");
    }
    if (dirname(at) === at) return "";
  }
}

interface Repository {
  /** The directory that all worktrees share. */
  common: string;
  isWorktree: boolean;
}

/** The repository of a `.git`: the directory of a main checkout, or the file that a worktree or submodule has instead. */
function repositoryAt(git: string): Repository | undefined {
  const kind = statSync(git, { throwIfNoEntry: false });
  if (kind?.isDirectory()) return { common: git, isWorktree: false };
  const pointer = kind && /^gitdir: (.+)$/m.exec(read(git) ?? "")?.[1];
  if (!pointer) return undefined;
  const own = resolve(dirname(git), pointer.trim());
  const common = read(join(own, "commondir"))?.trim();
  return common ? { common: resolve(own, common), isWorktree: true } : { common: own, isWorktree: false };
}

/** The main folder's name: a worktree's shared directory is `repo/.git`, a bare `repo.git`, or a hidden one in `repo`. */
function folderName({ common, isWorktree }: Repository, at: string): string {
  if (!isWorktree) return basename(at);
  const name = basename(common);
  return name.startsWith(".") ? basename(dirname(common)) : name.replace(/\.git$/, "");
}

/** The file may be a stranger's: no pattern here takes longer than the file is long. */
function remoteName(config: string): string | undefined {
  const remotes = [...(read(config) ?? "").matchAll(/^\[remote "(.+)"\][ \t]*\r?\n((?:[ \t].*\n?)*)/gim)];
  const remote = remotes.find(([, name]) => name === "origin") ?? remotes[0];
  const url = remote && /^[ \t]*url[ \t]*=[ \t]*"?([^"\r\n]+)/im.exec(remote[2]!)?.[1]?.trim();
  const path = url?.replace(/(?<![/\\])[/\\]+$/, "").replace(/[/\\]?\.git$/, "");
  return path?.split(/[/:\\]/).at(-1) || undefined;
}

function read(path: string): string | undefined {
  try {
    return readSmallFile(path);
  } catch (error) {
    if (error instanceof UserError) return undefined; // what cannot be read names no project
    throw error;
  }
}
