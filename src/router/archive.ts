import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../core/errors.ts";

/** Whether a path or URL is named like an archive that `unpack` reads. */
export function isArchive(name: string): boolean {
  return /\.(zip|tar|tar\.(xz|gz|zst)|tgz)$/.test(name);
}

/**
 * Takes the wanted files out of an archive, from whatever folder they lie in, into a directory. Only base names are used
 * and links are never followed, so nothing can land elsewhere. `name` tells the format, as a download has none in its path.
 */
export async function unpack(path: string, name: string, wanted: readonly string[], directory: string): Promise<void> {
  if (name.endsWith(".zip")) await unzip(path, name, wanted, directory);
  else await untar(path, name, wanted, directory);
}

async function unzip(path: string, archive: string, wanted: readonly string[], directory: string): Promise<void> {
  const { unzipSync } = await import("fflate"); // needed by `zenohd install` alone
  const bytes = await Bun.file(path).bytes();
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes, { filter: ({ name }) => wanted.includes(basename(name)) });
  } catch (cause) {
    throw new UserError("corrupt", `${archive} is not a readable zip file`, { cause });
  }
  for (const [name, content] of Object.entries(entries))
    writeFileSync(join(directory, basename(name)), content, { mode: 0o600 });
}

/** Through the system's `tar`, which knows xz; a member is read from its output, so it cannot write anywhere itself. */
async function untar(path: string, archive: string, wanted: readonly string[], directory: string): Promise<void> {
  const members = new TextDecoder().decode(await tar(archive, "-tf", path)).split(/\r?\n/);
  for (const member of members.filter((name) => wanted.includes(basename(name))))
    writeFileSync(join(directory, basename(member)), await tar(archive, "-xOf", path, "--", member), { mode: 0o600 });
}

async function tar(archive: string, ...args: string[]): Promise<Uint8Array<ArrayBuffer>> {
  if (!Bun.which("tar"))
    throw new UserError("unavailable", `the program tar is missing, which is needed to unpack ${archive}`, {
      hint: "unpack it by other means, then: kioku-mesh zenohd install --from DIRECTORY",
    });
  const child = Bun.spawn(["tar", ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [content, complaint, status] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status !== 0)
    throw new UserError("corrupt", `cannot read ${archive}: ${complaint.trim().split("\n").at(-1) ?? ""}`);
  return content;
}
