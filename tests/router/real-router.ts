import { join } from "node:path";
import { hostTarget } from "../../build/compile.ts";
import { installRouter } from "../../src/router/install.ts";
import { verifyRouter } from "../../src/router/manifest.ts";
import { locateRouter, type Router } from "../../src/router/provision.ts";
import { routerVersion } from "../../src/router/release.ts";

const root = join(import.meta.dir, "../..");
const unpacked = join(root, ".cache", "test-router");

/** Where the router for tests comes from: only call it under `testWith("a router")`. */
export const routerSource = process.env.KIOKU_ROUTER_DIR ?? join(root, "..", "shared", "zenoh");

/** A real router, unpacked once and kept between runs. */
export async function realRouter(): Promise<Router> {
  const kept = locateRouter(unpacked, undefined);
  if (kept?.version === routerVersion && (await verifyRouter(kept.directory)).length === 0) return kept;
  const check = async () => routerVersion; // what the tests go on to show
  return installRouter({ root: unpacked, target: hostTarget(), from: routerSource, check });
}
