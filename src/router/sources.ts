import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { isArchive, unpack } from "./archive.ts";
import { fileDigest, parseChecksums } from "./checksum.ts";
import { listedDigest, type Origins, origins, releaseDigest, unverifiable } from "./digests.ts";
import { download, type Download } from "./download.ts";
import { fileNames, pinnedDigests, type ReleaseArchive, releaseArchives, type RouterTarget } from "./release.ts";

export interface Source {
  target: RouterTarget;
  version: string;
  /** A directory, an archive, an `https://` address of either, or `system`. Without it: the upstream release. */
  from?: string;
  /** The value of PATH, searched for `from: "system"` alone. */
  searchPath?: string;
  /** Where downloads are kept until they are whole. */
  downloads: string;
  onProgress?: Download["onProgress"];
  signal?: AbortSignal;
  origins?: Origins;
  pinned?: Readonly<Record<string, string>>;
}

const listings = ["SHA256SUMS", "sha256sums.txt"];

/**
 * Brings a router's four files into a directory. Each is verified by a SHA-256 that comes with its source; only `system`
 * is taken as it is, because the machine's package manager has verified it. Throws UserError `denied` for what cannot be
 * verified, `notFound` and `unavailable` for what cannot be had, `corrupt` for what cannot be read.
 */
export async function collectRouter(source: Source, into: string): Promise<void> {
  const { from } = source;
  if (from === undefined) await fromRelease(source, into);
  else if (/^https?:\/\//.test(from)) await fromWeb(source, new URL(from), into);
  else if (from === "system") fromSystem(source, into);
  else {
    const found = statSync(from, { throwIfNoEntry: false });
    if (!found) throw new UserError("notFound", `there is no ${from}`);
    await (found.isDirectory() ? fromDirectory(source, resolve(from), into) : fromArchive(source, resolve(from), into));
  }
  const missing = wantedNames(source).filter((name) => !existsSync(join(into, name)));
  if (missing.length > 0)
    throw new UserError("notFound", `${from ?? "the release"} lacks ${missing.join(", ")}`, {
      hint: `all four files are needed, built for ${source.target}`,
    });
}

async function fromRelease(source: Source, into: string): Promise<void> {
  const { version, target, pinned } = source;
  const places = source.origins ?? origins;
  for (const archive of releaseArchives(version, target)) {
    const sha256 = await releaseDigest(archive, version, places, pinned);
    const urls = [
      `${places.github}/${archive.repository}/releases/download/${version}/${archive.name}`,
      `${places.eclipse}/${archive.folder}/${version}/${archive.name}`,
    ];
    await fetchArchive(source, { name: archive.name, urls, sha256 }, partNames(source, archive), into);
  }
}

/** One archive with everything in it, or a folder with the three of a release; their digests are listed beside them. */
async function fromWeb(source: Source, url: URL, into: string): Promise<void> {
  const whole = isArchive(url.pathname);
  const folder = url.href.replace(whole ? /\/[^/]*$/ : /\/$/, "");
  const wanted = whole
    ? [{ name: basename(url.pathname), files: wantedNames(source) }]
    : releaseArchives(source.version, source.target).map((archive) => ({
        name: archive.name,
        files: partNames(source, archive),
      }));
  for (const { name, files } of wanted) {
    const pinned = (source.pinned ?? pinnedDigests)[name];
    const sha256 = pinned ?? (await listedDigest(folder, name)) ?? unverifiable(name);
    await fetchArchive(source, { name, urls: [`${folder}/${name}`], sha256 }, files, into);
  }
}

async function fetchArchive(
  { downloads, onProgress, signal }: Source,
  archive: Pick<Download, "name" | "urls" | "sha256">,
  files: string[],
  into: string,
): Promise<void> {
  const path = await download({ ...archive, directory: downloads, onProgress, signal });
  try {
    await unpack(path, archive.name, files, into);
  } finally {
    rmSync(path, { force: true });
  }
}

async function fromDirectory(source: Source, directory: string, into: string): Promise<void> {
  const names = wantedNames(source);
  if (existsSync(join(directory, names[0]!))) {
    for (const name of names.filter((name) => existsSync(join(directory, name))))
      copyFileSync(join(directory, name), join(into, name));
    await verifyFiles(names, into, readListing(directory) ?? unverifiable(directory));
    return;
  }
  const releases = releaseArchives(source.version, source.target).filter(({ name }) =>
    existsSync(join(directory, name)),
  );
  for (const archive of releases) {
    await verifyArchive(source, join(directory, archive.name));
    await unpack(join(directory, archive.name), archive.name, partNames(source, archive), into);
  }
  if (releases.length > 0) return;
  const triple = /-(\w+-\w+-.*)-standalone/.exec(releaseArchives(source.version, source.target)[0]!.name)![1]!;
  const [archive] = readdirSync(directory).filter((name) => isArchive(name) && name.includes(triple));
  if (archive) await fromArchive(source, join(directory, archive), into);
}

/** Verified by a listing beside it, or, as its owner chose the file himself, by the one inside. */
async function fromArchive(source: Source, path: string, into: string): Promise<void> {
  const name = basename(path);
  if (!isArchive(name)) throw new UserError("usage", `${name} is neither a directory nor a .zip or .tar archive`);
  if (releaseArchives(source.version, source.target).some((archive) => archive.name === name))
    return fromDirectory(source, dirname(path), into);
  const names = wantedNames(source);
  await unpack(path, name, [...names, ...listings], into);
  const inside = readListing(into);
  for (const listing of listings) rmSync(join(into, listing), { force: true });
  if (inside) await verifyFiles(names, into, inside);
  else await verifyArchive(source, path);
}

/** The program on PATH, with the plugins beside it or where packages install them. */
function fromSystem(source: Source, into: string): void {
  const names = fileNames(source.target);
  const folders = (source.searchPath ?? "")
    .split(delimiter)
    .filter((folder) => folder.startsWith("/") || /^\w:/.test(folder));
  const home = folders.find((folder) => existsSync(join(folder, names.zenohd)));
  if (!home)
    throw new UserError("notFound", "zenohd is not on PATH", { hint: "without --from system, the release is fetched" });
  const places = [home, "/usr/lib", "/usr/local/lib", "/opt/homebrew/lib"];
  for (const name of Object.values(names)) {
    const place = places.find((folder) => existsSync(join(folder, name)));
    if (place) copyFileSync(join(place, name), join(into, name));
  }
}

async function verifyArchive({ pinned }: Source, path: string): Promise<void> {
  const name = basename(path);
  const beside = `${path}.sha256`;
  const expected =
    (pinned ?? pinnedDigests)[name] ??
    readListing(dirname(path))?.get(name) ??
    (existsSync(beside) ? readFileSync(beside, "utf8").trim().slice(0, 64).toLowerCase() : undefined) ??
    unverifiable(name);
  if ((await fileDigest(path)) !== expected) throw mismatch(name);
}

async function verifyFiles(names: string[], directory: string, sums: Map<string, string>): Promise<void> {
  for (const name of names) {
    if (!existsSync(join(directory, name))) continue; // told with the others that are missing
    if ((await fileDigest(join(directory, name))) !== (sums.get(name) ?? unverifiable(name))) throw mismatch(name);
  }
}

function mismatch(name: string): UserError {
  return new UserError("denied", `${name} does not have the expected SHA-256`, { hint: "nothing was installed" });
}

function readListing(directory: string): Map<string, string> | undefined {
  const path = listings.map((name) => join(directory, name)).find((candidate) => existsSync(candidate));
  return path ? parseChecksums(readFileSync(path, "utf8")) : undefined;
}

function wantedNames({ target }: Source): string[] {
  return Object.values(fileNames(target));
}

function partNames({ target }: Source, { parts }: ReleaseArchive): string[] {
  return parts.map((part) => fileNames(target)[part]);
}
