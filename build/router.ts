/**
 * Provides the router that `build/compile.ts` puts into the binary: `bun run router [--target T] [--from SOURCE] [--build]`.
 * The first of these that there is: `--from` or KIOKU_ROUTER_DIR (a directory or archive with its SHA-256 sums), the cache,
 * upstream's release, or with `--build` one built from the published crates. Ends with status 1 where none is to be had; a
 * build without a router works too, and its users run `kioku-mesh zenohd install`.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../src/core/errors.ts";
import { describeRouter } from "../src/router/manifest.ts";
import { isRouterTarget, routerTargets, routerVersion, type RouterTarget } from "../src/router/release.ts";
import { collectRouter } from "../src/router/sources.ts";
import { hostTarget } from "./compile.ts";
import { buildRouter } from "./router-build.ts";
import { type CachedRouter, cacheRoot, fillCache, readCache } from "./router-cache.ts";

export interface RouterRequest {
  target: RouterTarget;
  from: string | undefined;
  build: boolean;
}

/** Puts the router of a target into the cache, unless what is asked for is there already. */
export async function provideRouterToBuild({ target, from, build }: RouterRequest): Promise<CachedRouter> {
  const cached = readCache(target, cacheRoot);
  if (cached?.version === routerVersion && from === undefined && !build) return cached;
  mkdirSync(cacheRoot, { recursive: true });
  const work = mkdtempSync(join(cacheRoot, ".work-"));
  try {
    if (build) await buildRouter(target, work);
    else await collectRouter({ target, version: routerVersion, from, downloads: join(work, "downloads") }, work);
    const manifest = await describeRouter(work, routerVersion, target);
    if (cached && Bun.deepEquals(cached.files, manifest.files)) return cached; // compressing takes a quarter of a minute
    return fillCache(work, manifest, cacheRoot);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      target: { type: "string", default: hostTarget() },
      from: { type: "string", default: process.env.KIOKU_ROUTER_DIR },
      build: { type: "boolean", default: false },
    },
  });
  const { target, from, build } = values;
  try {
    if (!isRouterTarget(target))
      throw new UserError("usage", `unknown target ${target}`, { hint: routerTargets.join(", ") });
    const { version, directory } = await provideRouterToBuild({ target, from: from || undefined, build });
    console.log(`router ${version} for ${target}: ${directory}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}${error.hint ? `\n  hint: ${error.hint}` : ""}`);
    process.exitCode = 1;
  }
}
