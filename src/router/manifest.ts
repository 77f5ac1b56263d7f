import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseObject } from "../core/json.ts";
import { writePrivateFile } from "../host/files.ts";
import { fileDigest } from "./checksum.ts";
import { fileNames, isRouterTarget, type RouterTarget } from "./release.ts";

export interface RouterFile {
  name: string;
  sha256: string;
  size: number;
}

/** What a router's directory must hold, kept beside its files. */
export interface Manifest {
  version: string;
  target: RouterTarget;
  files: readonly RouterFile[];
}

const manifestName = "manifest.json";

/** Describes the router whose files lie in a directory. */
export async function describeRouter(directory: string, version: string, target: RouterTarget): Promise<Manifest> {
  const names = Object.values(fileNames(target)).toSorted();
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { name, sha256: await fileDigest(path), size: statSync(path).size };
    }),
  );
  return { version, target, files };
}

/** What is wrong with an unpacked router: a line for each file that is missing or changed, none when all is well. */
export async function verifyRouter(directory: string): Promise<string[]> {
  const manifest = readManifest(directory);
  if (!manifest) return [`${manifestName} is missing or unreadable`];
  const problems = await Promise.all(
    manifest.files.map(async ({ name, sha256 }) => {
      const path = join(directory, name);
      if (!existsSync(path)) return `${name} is missing`;
      return (await fileDigest(path)) === sha256 ? undefined : `${name} does not have its SHA-256`;
    }),
  );
  return problems.filter((problem) => problem !== undefined);
}

/** A directory name that tells the version and differs wherever the content does. */
export function directoryName({ version, files }: Manifest): string {
  const content = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).toSorted();
  return `${version}-${new Bun.CryptoHasher("sha256").update(content.join("")).digest("hex").slice(0, 12)}`;
}

export function writeManifest(directory: string, { version, target, files }: Manifest): void {
  const manifest = { version, target, files: files.map(({ name, sha256, size }) => ({ name, sha256, size })) };
  writePrivateFile(join(directory, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Undefined for a manifest that is missing, damaged, or does not list exactly the files of its target. */
export function readManifest(directory: string): Manifest | undefined {
  const path = join(directory, manifestName);
  const value = existsSync(path) ? parseObject(readFileSync(path, "utf8")) : undefined;
  if (typeof value?.version !== "string" || typeof value.target !== "string" || !isRouterTarget(value.target))
    return undefined;
  const files = Array.isArray(value.files) ? value.files.filter(isRouterFile) : [];
  const expected = Object.values(fileNames(value.target)).toSorted();
  if (!Bun.deepEquals(files.map(({ name }) => name).toSorted(), expected)) return undefined;
  return { version: value.version, target: value.target, files };
}

function isRouterFile(value: unknown): value is RouterFile {
  const { name, sha256, size } = (value ?? {}) as Partial<RouterFile>;
  return typeof name === "string" && typeof sha256 === "string" && typeof size === "number";
}
