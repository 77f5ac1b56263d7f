import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Manifest, readManifest, writeManifest } from "../src/router/manifest.ts";
import type { RouterTarget } from "../src/router/release.ts";

/** Where the compressed routers are kept for `build/compile.ts`, a folder for each target. */
export const cacheRoot = join(import.meta.dir, "..", ".cache", "router");

export interface CachedRouter extends Manifest {
  directory: string;
}

/** The router provided for a target, undefined where there is none or a file of it is missing. */
export function readCache(target: RouterTarget, root: string): CachedRouter | undefined {
  const directory = join(root, target);
  const manifest = readManifest(directory);
  if (!manifest?.files.every(({ name }) => existsSync(join(directory, `${name}.zst`)))) return undefined;
  return { ...manifest, directory };
}

/** Compresses the router whose files lie in `source` into the cache, in place of what is there. */
export function fillCache(source: string, manifest: Manifest, root: string): CachedRouter {
  const directory = join(root, manifest.target);
  const fresh = `${directory}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  for (const { name, sha256 } of manifest.files) {
    const content = readFileSync(join(source, name));
    writeFileSync(join(fresh, `${name}.zst`), Bun.zstdCompressSync(content, { level: 19 }));
    const digest = new Bun.CryptoHasher("sha256").update(content).digest("hex");
    if (digest !== sha256) throw new Error(`${name} changed while it was compressed`);
  }
  writeManifest(fresh, manifest);
  rmSync(directory, { recursive: true, force: true });
  renameSync(fresh, directory);
  return { ...manifest, directory };
}
