import { UserError } from "../core/errors.ts";
import { parseObject } from "../core/json.ts";
import { parseChecksums } from "./checksum.ts";
import { pinnedDigests, type ReleaseArchive } from "./release.ts";
import { fetchSafely } from "./web.ts";

/** Where upstream publishes: arguments, so that tests can publish on the loopback. */
export interface Origins {
  github: string;
  githubApi: string;
  eclipse: string;
}

export const origins: Origins = {
  github: "https://github.com/eclipse-zenoh",
  githubApi: "https://api.github.com/repos/eclipse-zenoh",
  eclipse: "https://download.eclipse.org/zenoh",
};

/**
 * The SHA-256 of an upstream archive: the pinned one, else what GitHub and Eclipse publish. These are two independent
 * hosts, so where both answer they must agree; where none does, there is nothing to verify with and the archive is refused.
 */
export async function releaseDigest(
  archive: ReleaseArchive,
  version: string,
  { githubApi, eclipse }: Origins,
  pinned: Readonly<Record<string, string>> = pinnedDigests,
): Promise<string> {
  if (pinned[archive.name]) return pinned[archive.name]!;
  const answers = await Promise.allSettled([
    githubDigest(`${githubApi}/${archive.repository}/releases/tags/${version}`, archive.name),
    listedDigest(`${eclipse}/${archive.folder}/${version}`, archive.name),
  ]);
  const published = answers.map((answer) => (answer.status === "fulfilled" ? answer.value : undefined));
  const digests = new Set(published.filter((digest) => digest !== undefined));
  if (digests.size > 1)
    throw new UserError("denied", `GitHub and Eclipse publish different digests for ${archive.name}`, {
      hint: "nothing was installed; try again later, or install another --version",
    });
  const unreachable = answers.find((answer) => answer.status === "rejected");
  if (digests.size === 0 && unreachable) throw unreachable.reason;
  return [...digests][0] ?? unverifiable(archive.name);
}

/** The digest that a folder on the web lists for one of its files, in any of the usual forms. */
export async function listedDigest(folder: string, name: string): Promise<string | undefined> {
  for (const listing of ["sha256sums.txt", "SHA256SUMS", `${name}.sha256`]) {
    const text = await fetchText(`${folder}/${listing}`);
    const digest = text && (parseChecksums(text).get(name) ?? /^[0-9a-fA-F]{64}$/.exec(text.trim())?.[0].toLowerCase());
    if (digest) return digest;
  }
  return undefined;
}

export function unverifiable(name: string): never {
  throw new UserError("denied", `no SHA-256 is published for ${name}, so it cannot be verified`, {
    hint: "nothing was installed; put a sha256sums.txt that lists it beside it",
  });
}

async function githubDigest(url: string, name: string): Promise<string | undefined> {
  const text = await fetchText(url);
  const assets = parseObject(text ?? "")?.assets;
  if (!Array.isArray(assets)) return undefined;
  const asset: { digest?: unknown } | undefined = assets.find((entry) => entry?.name === name);
  return typeof asset?.digest === "string" ? /^sha256:([0-9a-f]{64})$/.exec(asset.digest)?.[1] : undefined;
}

/** Undefined where there is no such page. Throws UserError `unavailable` where the host cannot be reached, and as `fetchSafely`. */
async function fetchText(url: string): Promise<string | undefined> {
  try {
    const response = await fetchSafely(url, { signal: AbortSignal.timeout(30_000) });
    return response.ok ? await response.text() : undefined;
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError("unavailable", `${new URL(url).host} cannot be reached`, {
      hint: "without a network: kioku-mesh zenohd install --from DIRECTORY|ARCHIVE",
      cause,
    });
  }
}
