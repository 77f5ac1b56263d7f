import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * The project of the repository around a directory: the name of its `origin` (else first) remote, else of its main
 * folder, so that all worktrees agree. "" outside of a repository. Only reads files: no git, no hooks are run.
 */
export function projectOf(directory: string): string {
  for (let at = resolve(directory); ; at = dirname(at)) {
    const common = commonDirectory(join(at, ".git"));
    if (common)
      return remoteName(join(common, "config")) ?? basename(basename(common) === ".git" ? dirname(common) : at);
    if (dirname(at) === at) return "";
  }
}

/** A repository's shared directory, of a main checkout or of a worktree, whose `.git` is a file that points there. */
function commonDirectory(git: string): string | undefined {
  const kind = statSync(git, { throwIfNoEntry: false });
  if (kind?.isDirectory()) return git;
  const pointer = kind && /^gitdir: (.+)$/m.exec(read(git) ?? "")?.[1];
  if (!pointer) return undefined;
  const own = resolve(dirname(git), pointer.trim());
  const common = read(join(own, "commondir"))?.trim();
  return common ? resolve(own, common) : own;
}

function remoteName(config: string): string | undefined {
  const remotes = [...(read(config) ?? "").matchAll(/^\[remote "(.+)"\]\n((?:[ \t].*\n?)*)/gm)];
  const remote = remotes.find(([, name]) => name === "origin") ?? remotes[0];
  const url = remote && /^\s*url\s*=\s*(.+)$/m.exec(remote[2]!)?.[1]?.trim();
  return url && (/([^/:\\]+?)(?:\.git)?\/*$/.exec(url)?.[1] ?? undefined);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // what cannot be read names no project
  }
}
