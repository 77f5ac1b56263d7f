import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { RouterControl } from "../ops/mesh-control.ts";
import type { Download } from "../router/download.ts";
import { embedded } from "../router/embedded.ts";
import { installRouter } from "../router/install.ts";
import { locateRouter, noRouter, provideRouter, type Router } from "../router/provision.ts";
import { targetOf } from "../router/release.ts";
import { tryRouter } from "../router/trial.ts";
import { probeRouter } from "../zenoh/probe.ts";
import type { Surroundings } from "./configure.ts";

interface Watcher {
  note(line: string): void;
  progress(done: number, size: number | undefined): void;
}

/** What a host can do about its router. The watcher hears of downloads. */
export function routerControl(at: Surroundings, watcher: Watcher): RouterControl {
  const root = join(at.stateDirectory, "router");
  const check = (router: Router) => tryRouter(root, router, (port, authority) => probeRouter(port, authority, 5_000));
  const told = ({ version, zenohd }: Router) => ({ version, path: zenohd });

  return {
    async install(from, version) {
      const target = targetOf({ platform: at.platform, arch: process.arch, musl: isMusl() });
      if (!target) {
        throw new UserError("unavailable", "Zenoh publishes no router for this machine", {
          hint: "saves and searches need none; to share them, take `kioku-mesh export` to a machine that has one",
        });
      }
      const source = { ...(from !== undefined && { from }), ...(version !== undefined && { version }) };
      const searchPath = at.env.PATH ?? "";
      const options = { root, target, check, onProgress: watched(watcher), searchPath };
      return told(await installRouter({ ...options, ...source, ...(embedded && { embedded }) }));
    },
    locate() {
      const router = locateRouter(root, embedded);
      if (router) return told(router);
      throw noRouter();
    },
    async verify() {
      const router = await provideRouter(root, embedded);
      await check(router);
      return told(router);
    },
  };
}

/** musl brings its loader under a name of its own, and no other C library does. */
function isMusl(): boolean {
  return existsSync("/lib") && readdirSync("/lib").some((name) => name.startsWith("ld-musl-")) && !existsSync("/lib64");
}

/** A line for each download, and a bar where a person watches. */
function watched({ note, progress }: Watcher): NonNullable<Download["onProgress"]> {
  let last = "";
  return ({ name, received, total }) => {
    if (name !== last) note(`downloading ${name}`);
    last = name;
    progress(received, total);
  };
}
