import { accessSync, constants, existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { amount } from "../core/amount.ts";
import { UserError } from "../core/errors.ts";
import { fail, pass, warn, type Check, type Finding } from "../ops/check.ts";
import type { MeshState } from "../ops/mesh-state.ts";
import { linkCredentialPaths, readCredentials } from "../router/certificates.ts";
import { child } from "../router/config.ts";
import { parseEndpoint, isLoopback } from "../router/endpoint.ts";
import { embedded } from "../router/embedded.ts";
import { rocksdbRoot } from "../router/environment.ts";
import { verifyRouter } from "../router/manifest.ts";
import { portConflicts } from "../router/ports.ts";
import { locateRouter, noRouter } from "../router/provision.ts";
import { readRunning } from "../router/running.ts";
import { agentPath, unitPath } from "../router/service.ts";
import { startedWith } from "../router/supervise.ts";
import { certificateExpiry, credentialState } from "../seal/certificate.ts";
import { probeRouter } from "../zenoh/probe.ts";
import { endpointsOf, readRouterFile, routerFilePath, type Surroundings } from "./configure.ts";
import { hubProblems } from "./hubs.ts";
import { meshDirectory, readMembership } from "./membership.ts";

/** Clocks further apart than this put new memories in the wrong order, and routers stamp them anew. */
const tolerableSkewMs = 500;

interface Looking {
  at: Surroundings;
  state: MeshState;
  now: Date;
}

type Look = (looking: Looking) => Finding | Promise<Finding>;

/** What can be wrong with a host's part in a mesh, each with what to do. Creates and changes nothing. */
const looks: { [name: string]: Look } = {
  async zenohd_binary({ at }) {
    const router = locateRouter(join(at.stateDirectory, "router"), embedded);
    if (!router) throw noRouter();
    if (!existsSync(router.directory))
      return pass(`${router.version}, unpacked at first use`, { version: router.version });
    const problems = await verifyRouter(router.directory);
    const details = { path: router.zenohd, version: router.version };
    return problems.length === 0
      ? pass(router.zenohd, details)
      : warn(`damaged: ${problems.join(", ")}`, "The next `kioku-mesh mesh run` puts it back.", details);
  },

  router_config({ at }) {
    const file = readRouterFile(at);
    const details = {
      path: routerFilePath(at),
      listen: endpointsOf(file, "listen"),
      connect: endpointsOf(file, "connect"),
    };
    return pass(routerFilePath(at), details);
  },

  mesh_key({ at }) {
    const membership = readMembership(meshDirectory(at.stateDirectory));
    if (!membership) return fail("this host has no key of the mesh", "kioku-mesh mesh join -");
    if (membership.kind === "open") return warn("an open mesh: no key, no encryption", "For trusted networks alone.");
    // The id is derived from the key and is no secret: hosts that show the same one have the same key.
    return pass(`${membership.kind}, mesh ${membership.meshId}`, { mesh_id: membership.meshId, kind: membership.kind });
  },

  certificates({ at, now }) {
    const credentials = readCredentials(linkCredentialPaths(meshDirectory(at.stateDirectory)));
    if (!credentials) return pass("made at the next start");
    const state = credentialState(credentials, now);
    const expires = certificateExpiry(credentials.certificate)?.toISOString();
    if (state === "valid") return pass(`valid until ${expires}`, { state, expires });
    const hint = {
      expired: "On a host of the mesh: kioku-mesh mesh invite --relay; then here: kioku-mesh mesh join -",
      notYetValid: "Is this machine's clock right?",
      foreign: "The next start of `kioku-mesh mesh run` issues a new one.",
      damaged: "The next start of `kioku-mesh mesh run` issues a new one.",
    }[state];
    return warn(`the link certificate is ${state}`, hint, { state });
  },

  replicator({ state }) {
    if (!state.running) return warn("no process of this host takes part in the mesh", "kioku-mesh mesh run");
    return state.linked
      ? pass(state.relay ? "none: a relay carries the mesh and cannot read it" : "running")
      : fail("running, but its router does not answer", "See mesh/zenohd.log in the state directory.");
  },

  async zenohd_reachable({ at }) {
    const directory = meshDirectory(at.stateDirectory);
    const running = readRunning(directory);
    if (!running) return warn("the router does not run", "kioku-mesh mesh run");
    try {
      const view = await probeRouter(running.port, running.authority, 2_000);
      const { storages, volumes, routers } = view;
      const ours = view.zid.replace(/^0+/, "") === running.id;
      if (!ours) return fail("another router answers on our port", "Restart `kioku-mesh mesh run`.", { ...view });
      const manager = child(child(startedWith(directory), "plugins"), "storage_manager");
      const lacking = [
        ...Object.keys(child(manager, "volumes")).filter((name) => !volumes.includes(name)),
        ...Object.keys(child(manager, "storages")).filter((name) => !storages.includes(name)),
      ];
      if (lacking.length > 0)
        return fail(`it has not loaded ${lacking.join(", ")}`, "See mesh/zenohd.log in the state directory.", {
          ...view,
        });
      const links = `linked to ${amount(routers.length, "router")}`;
      return pass(`storages ${storages.join(", ") || "none"}; volumes ${volumes.join(", ") || "none"}; ${links}`, {
        ...view,
      });
    } catch (error) {
      return fail(error instanceof Error ? error.message : String(error), "Restart `kioku-mesh mesh run`.");
    }
  },

  async hubs({ at }) {
    const directory = meshDirectory(at.stateDirectory);
    const membership = readMembership(directory);
    const file = readRunning(directory) ? startedWith(directory) : readRouterFile(at);
    const problems = await hubProblems(file, membership);
    const dialled = endpointsOf(file, "connect").length;
    if (problems.length === 0) return pass(dialled > 0 ? "every hub answers" : "this host dials none");
    const words = problems.map(({ hub, problem }) => `${hub}: ${problem}`);
    const finding = problems.length < dialled ? warn : fail; // one that answers is enough
    return finding(words.join("; "), problems[0]!.hint, { problems: words });
  },

  async ports({ at }) {
    const listen = endpointsOf(readRouterFile(at), "listen").map((text) =>
      parseEndpoint(text, { sealed: false, role: "listen" }),
    );
    const router = readRunning(meshDirectory(at.stateDirectory));
    const held = await portConflicts(listen);
    const conflicts = held.filter(({ holder }) => !router || !new RegExp(`pid ${router.pid}\\)?$`).test(holder));
    if (conflicts.length === 0) return pass(router ? "held by our own router" : "free");
    const words = conflicts.map(({ endpoint, holder }) => `${endpoint} is held by ${holder}`);
    return fail(words.join("; "), "End that process, or listen on another port.", { conflicts: words });
  },

  clock_skew({ state }) {
    const skewed = state.peers.filter((peer) => peer.online && Math.abs(peer.clock_offset_ms ?? 0) > tolerableSkewMs);
    if (skewed.length === 0) return pass("within half a second of every peer");
    const words = skewed.map(({ name, clock_offset_ms }) => `${name} ${clock_offset_ms} ms`);
    return warn(`clocks differ: ${words.join(", ")}`, "Synchronise them (chrony, w32time).", { skewed: words });
  },

  peers({ state }) {
    const troubles = [
      ...state.peers.filter((peer) => !peer.understood).map((peer) => `${peer.name || "a peer"} is not understood`),
      ...state.duplicate_hosts.map((host) => `two machines call themselves ${host}`),
      ...Object.entries(state.dropped).map(([reason, count]) => `dropped ${count}: ${reason}`),
    ];
    if (troubles.length > 0) return warn(troubles.join("; "), "kioku-mesh mesh peers", { troubles });
    const [known, online, equal] = [
      state.peers.length,
      state.peers.filter((peer) => peer.online).length,
      state.peers.filter((peer) => peer.equal).length,
    ];
    return pass(`${known} known, ${online} online, ${equal} with the same memories`, { known, online, equal });
  },

  storage({ at }) {
    const directory = rocksdbRoot(at.env, at.stateDirectory);
    if (!existsSync(directory)) return pass(`${directory} (made at the first start)`);
    try {
      accessSync(directory, constants.W_OK);
      return pass(directory);
    } catch {
      return fail(`${directory} cannot be written`, "Check its permissions.");
    }
  },

  service({ at }) {
    const home = at.env.HOME || homedir();
    const path = at.platform === "darwin" ? agentPath(home) : unitPath(at.env, home);
    return pass(existsSync(path) ? path : "not installed (kioku-mesh init --install-systemd)", { path });
  },

  firewall({ at }) {
    const open = endpointsOf(readRouterFile(at), "listen")
      .map((text) => parseEndpoint(text, { sealed: false, role: "listen" }))
      .filter((endpoint) => !isLoopback(endpoint));
    if (open.length === 0) return pass("listens on this machine alone");
    const ports = [...new Set(open.map(({ port }) => port))].join(", ");
    return pass(`other hosts dial TCP port ${ports}: a firewall has to let it in`, { ports });
  },
};

/** All findings on this host's part in a mesh. */
export async function inspectMesh(looking: Looking): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, look] of Object.entries(looks)) checks.push({ name, ...(await looked(look, looking)) });
  return checks;
}

async function looked(look: Look, looking: Looking): Promise<Finding> {
  try {
    return await look(looking);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return fail(error.message, error.hint ?? "");
  }
}
