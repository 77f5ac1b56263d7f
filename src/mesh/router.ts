import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { RouterControl } from "../ops/mesh-control.ts";
import type { Download } from "../router/download.ts";
import { embedded } from "../router/embedded.ts";
import { installRouter } from "../router/install.ts";
import { locateRouter, provideRouter, type Router } from "../router/provision.ts";
import { targetOf } from "../router/release.ts";
import { tryRouter } from "../router/trial.ts";
import { probeRouter } from "../zenoh/probe.ts";
import type { Surroundings } from "./configure.ts";

/** What a host can do about its router. `note` hears of a download's progress. */
export function routerControl(at: Surroundings, note: (line: string) => void): RouterControl {
  const root = join(at.stateDirectory, "router");
  const check = (router: Router) => tryRouter(root, router, (port, authority) => probeRouter(port, authority, 5_000));
  const told = ({ version, zenohd }: Router) => ({ version, path: zenohd });

  return {
    async install(from, version) {
      const target = targetOf({ platform: at.platform, arch: process.arch, musl: isMusl() });
      if (!target) throw new UserError("unavailable", "Zenoh publishes no router for this machine");
      const source = { ...(from !== undefined && { from }), ...(version !== undefined && { version }) };
      const searchPath = at.env.PATH ?? "";
      const options = { root, target, check, onProgress: progressNotes(note), searchPath };
      return told(await installRouter({ ...options, ...source, ...(embedded && { embedded }) }));
    },
    locate() {
      const router = locateRouter(root, embedded);
      if (router) return told(router);
      throw new UserError("unavailable", "this build carries no router and none is installed", {
        hint: "kioku-mesh zenohd install",
      });
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

/** A line for every tenth of a download. */
function progressNotes(note: (line: string) => void): NonNullable<Download["onProgress"]> {
  const told = new Map<string, number>();
  return ({ name, received, total }) => {
    const tenth = total ? Math.floor((10 * received) / total) : 0;
    if (tenth <= (told.get(name) ?? -1)) return;
    told.set(name, tenth);
    note(`downloading ${name}: ${tenth * 10} %`);
  };
}
