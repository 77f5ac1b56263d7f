import { existsSync, rmSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { Context } from "../ops/context.ts";
import type { EphemeralStart, MeshControl } from "../ops/mesh-control.ts";
import { linkCredentialPaths } from "../router/certificates.ts";
import { ephemeralConfig, sealedStorageDirectory } from "../router/config.ts";
import { ephemeralLinkPort, listenAddresses, parseEndpoints } from "../router/endpoint.ts";
import { rocksdbRoot } from "../router/environment.ts";
import { readRunning } from "../router/running.ts";
import { decodeJoinCode, encodeJoinCode } from "../seal/join-code.ts";
import { isLocked, meshLockPath } from "../store/lock.ts";
import {
  addressesToDial,
  membershipOf,
  readRouterFile,
  routerFilePath,
  setBackend,
  setUp,
  type Surroundings,
} from "./configure.ts";
import { inspectMesh } from "./inspect.ts";
import {
  meshDirectory,
  readMembership,
  removeMembership,
  sealed,
  writeMembership,
  type Membership,
} from "./membership.ts";
import { routerControl } from "./router.ts";
import { takePart, type MeshHost, type RouterChoices } from "./run.ts";
import { synchroniseOnce, waitForRunning } from "./synchronise.ts";

/** Where a command runs. */
interface Here {
  ctx: Context;
  env: Surroundings["env"];
  platform: string;
}

/** The mesh of this host, for commands. */
export function openMeshControl({ ctx, env, platform }: Here): MeshControl {
  const at: Surroundings = { ...ctx.paths, env, platform, binary: ctx.binary };
  const host: MeshHost = {
    ...ctx.paths,
    env,
    store: ctx.store,
    identity: () => ({ id: ctx.who().pc_id, name: hostname().split(".")[0] || "host" }),
    now: ctx.now,
    note: (line) => ctx.note?.(line),
  };
  const directory = meshDirectory(at.stateDirectory);

  function requireSealed(): Membership & { kind: "sealed" } {
    const membership = readMembership(directory);
    if (membership?.kind === "sealed") return membership;
    const problem = {
      open: "an open mesh has no key: its hosts find each other by address alone",
      relay: "a relay has no key of the mesh",
      none: "this host belongs to no mesh yet",
    }[membership?.kind ?? "none"];
    throw new UserError("usage", problem, { hint: "kioku-mesh init --mode hub makes a mesh with a key" });
  }

  /** What the router is, or would be, configured with: by `init`, or by the `mesh start` that runs. */
  function addressesHere(isOpen: boolean): string[] {
    return existsSync(routerFilePath(at)) ? addressesToDial(readRouterFile(at), isOpen) : [];
  }

  function configured(): RouterChoices {
    return {
      file: () => readRouterFile(at),
      storage: true,
    };
  }

  function ephemeral({ listen, connect }: EphemeralStart): RouterChoices {
    const rules = (role: "listen" | "connect", isSealed: boolean) =>
      ({ sealed: isSealed, role, defaultPort: ephemeralLinkPort }) as const;
    return {
      file: ({ kind }) =>
        ephemeralConfig(
          parseEndpoints(listen, rules("listen", kind !== "open")),
          parseEndpoints(connect, rules("connect", kind !== "open")),
          kind === "open" ? undefined : linkCredentialPaths(directory),
        ),
      storage: false,
    };
  }

  /** A running `mesh run` sees that the key is gone, and ends its router: only then may the storage go. */
  async function routerEnds(): Promise<void> {
    for (const end = Date.now() + 20_000; readRunning(directory) && Date.now() < end;) await Bun.sleep(50);
  }

  function ensureMembership(open: boolean): "made" | "present" | "open" {
    const membership = readMembership(directory);
    if (open) {
      if (membership && membership.kind !== "open") {
        throw new UserError("conflict", "this host belongs to a sealed mesh", {
          hint: "kioku-mesh mesh leave, then --open",
        });
      }
      writeMembership(directory, { kind: "open", meshId: "open" });
      return "open";
    }
    if (membership) return membership.kind === "open" ? "open" : "present";
    writeMembership(directory, sealed());
    return "made";
  }

  return {
    router: routerControl(at, host.note),
    addresses: () => listenAddresses(networkInterfaces()),
    addressesOf(listen, open) {
      const endpoints = parseEndpoints(listen, { sealed: !open, role: "listen", defaultPort: ephemeralLinkPort });
      return addressesToDial({ listen: { endpoints } }, open);
    },
    setUp: (setup) => setUp(setup, at),
    isConfigured: () => existsSync(routerFilePath(at)),
    hasMembership: () => readMembership(directory) !== undefined,
    ensureMembership,

    join(text, merge) {
      const code = decodeJoinCode(text);
      const membership = membershipOf(code);
      const before = host.store().state("mesh.id");
      if (before !== undefined && before !== membership.meshId && !merge) {
        throw new UserError("conflict", "the memory of this host has been part of another mesh", {
          hint: "--merge shares all of it with this one",
        });
      }
      const { live } = host.store().counts();
      writeMembership(directory, membership);
      return { addresses: code.addresses, sharing: live, relay: code.kind === "relay" };
    },

    async invite({ relay, addresses }) {
      const { keys, meshKey, meshId } = requireSealed();
      const dialled = addresses.length > 0 ? [...addresses] : addressesHere(false);
      if (!relay) return { code: encodeJoinCode({ kind: "full", meshKey, addresses: dialled }), addresses: dialled };
      const { issueRelayCredentials, meshAuthority } = await import("../seal/authority.ts");
      const credentials = issueRelayCredentials(meshAuthority(keys), host.now());
      return { code: encodeJoinCode({ kind: "relay", meshId, credentials, addresses: dialled }), addresses: dialled };
    },

    inspect: (state) => inspectMesh({ at, state, now: host.now() }),

    async leave() {
      const membership = readMembership(directory);
      const root = rocksdbRoot(at.env, at.stateDirectory);
      const storage =
        membership && membership.kind !== "open" ? sealedStorageDirectory(membership.meshId) : "agent_mem";
      const removed = [routerFilePath(at), join(root, storage)].filter((path) => existsSync(path));
      removeMembership(directory);
      await routerEnds();
      for (const path of removed) rmSync(path, { recursive: true, force: true });
      setBackend(at, "local");
      return { removed };
    },

    async rotateKey() {
      const { meshId } = requireSealed();
      const next = sealed();
      removeMembership(directory);
      await routerEnds();
      writeMembership(directory, next);
      rmSync(join(rocksdbRoot(at.env, at.stateDirectory), sealedStorageDirectory(meshId)), {
        recursive: true,
        force: true,
      });
      const addresses = addressesHere(false);
      return { code: encodeJoinCode({ kind: "full", meshKey: next.meshKey, addresses }), addresses };
    },

    async run(stop) {
      readRouterFile(at); // refuses before anything is started
      await takePart(host, configured(), stop);
    },
    runEphemeral: (start, stop) => takePart(host, ephemeral(start), stop),

    async synchronise(deadline, full) {
      if (isLocked(meshLockPath(at.stateDirectory))) return await waitForRunning(host, deadline);
      return await synchroniseOnce(host, configured(), deadline, full);
    },
  };
}
