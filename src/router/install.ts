import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { EmbeddedRouter } from "./embedded.ts";
import { describeRouter } from "./manifest.ts";
import {
  isProgram,
  placeRouter,
  provideRouter,
  type Router,
  routerIn,
  selectRouter,
  stageDirectory,
} from "./provision.ts";
import { fileNames, routerVersion } from "./release.ts";
import { collectRouter, type Source } from "./sources.ts";

export interface InstallRequest extends Omit<Source, "version" | "downloads"> {
  /** The state directory's `router/`. */
  root: string;
  /** A Zenoh release, as `1.10.2`; by default the one this version of kioku-mesh was tested with. */
  version?: string;
  /** Starts a router to see that it works on this machine, and gives its version: `tryRouter`. */
  check: (router: Router) => Promise<string>;
  /** What this binary carries: installed when neither a version nor a source is asked for. */
  embedded?: EmbeddedRouter;
}

/**
 * Provides a router where none is embedded, or another than the embedded one, and selects it for the next start.
 * Nothing is changed unless all of it is there, is verified and works. Throws UserError, as `collectRouter` and `check`.
 */
export async function installRouter(request: InstallRequest): Promise<Router> {
  if (request.embedded && request.version === undefined && request.from === undefined) {
    selectRouter(request.root, undefined);
    return provideRouter(request.root, request.embedded);
  }
  const version = request.version ?? routerVersion;
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    throw new UserError("usage", `${version} is not a Zenoh release`, { hint: `as in --version ${routerVersion}` });
  const { root, target } = request;
  const stage = stageDirectory(root);
  try {
    await collectRouter({ ...request, version, downloads: join(root, "downloads") }, stage);
    const names = Object.values(fileNames(target));
    for (const name of names) chmodSync(join(stage, name), isProgram(name) ? 0o700 : 0o600);
    const manifest = await describeRouter(stage, version, target);
    const found = await request.check(routerIn(stage, manifest));
    if (found !== version)
      throw new UserError("denied", `that router is ${found}, not ${version}`, {
        hint: `to use it all the same: --version ${found}`,
      });
    const router = await placeRouter(root, manifest, async (directory) => {
      for (const name of names) copyFileSync(join(stage, name), join(directory, name));
    });
    selectRouter(root, router);
    return router;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}
