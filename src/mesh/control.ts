import { existsSync, readdirSync, rmSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { Context } from "../ops/context.ts";
import type { EphemeralStart, MeshControl } from "../ops/mesh-control.ts";
import { linkCredentialPaths } from "../router/certificates.ts";
import { ephemeralConfig, openStorageDirectory, sealedStorageDirectory } from "../router/config.ts";
import { ephemeralLinkPort, listenAddresses, parseEndpoints } from "../router/endpoint.ts";
import { rocksdbRoot } from "../router/environment.ts";
import { isAlive } from "../router/private-files.ts";
import { readRunning } from "../router/running.ts";
import { startedWith } from "../router/supervise.ts";
import { decodeJoinCode, encodeJoinCode } from "../seal/join-code.ts";
import { noted } from "../store/noted.ts";
import { wasRead } from "../sync/storage-care.ts";
import {
  addressesToDial,
  configuredMode,
  disableService,
  membershipOf,
  readRouterFile,
  routerFilePath,
  setBackend,
  setUp,
  type Surroundings,
} from "./configure.ts";
import { inspectMesh } from "./inspect.ts";
import {
  makeMembership,
  meshDirectory,
  membershipText,
  meshIdOf,
  openMembership,
  readMembership,
  refuseCrossing,
  removeMembership,
  sealed,
  writeMembership,
  type Membership,
} from "./membership.ts";
import { routerControl } from "./router.ts";
import { takePart, type MeshHost, type RouterChoices } from "./run.ts";
import { synchroniseOnce } from "./synchronise.ts";

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
    progress: (done, size) => ctx.progress?.(done, size),
    startThread: ctx.startThread,
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

  /** One database belongs to one mesh, and a key that is replaced may be the only one: both take a word of consent. */
  function requireSameMesh({ meshId }: Membership, merge: boolean): void {
    const before = [meshIdOf(directory), host.store().state(noted.mesh)];
    if (merge || before.every((id) => id === undefined || id === meshId)) return;
    throw new UserError("conflict", "this host is, or its memory has been, part of another mesh", {
      hint: "--merge shares all of its memory with this one, and gives up the other's key",
    });
  }

  /** By which addresses others can dial what `init` has configured, or the `mesh start` that runs. */
  function addressesHere(isOpen: boolean): string[] {
    if (existsSync(routerFilePath(at))) return addressesToDial(readRouterFile(at), isOpen);
    return readRunning(directory) ? addressesToDial(startedWith(directory), isOpen) : [];
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

  /**
   * Carries out what may take this host into another mesh, or out of its own, and then takes that one's storage off its
   * disk: a running `mesh run` sees the change and ends its router, which holds the files until then.
   */
  async function changeMesh<T>(change: () => T | Promise<T>): Promise<{ done: T; removed: string[] }> {
    const meshId = meshIdOf(directory) ?? host.store().state(noted.mesh);
    const router = readRunning(directory);
    const done = await change();
    if (meshId === undefined || meshIdOf(directory) === meshId) return { done, removed: [] };
    for (const end = performance.now() + 20_000; router && isAlive(router.pid) && performance.now() < end;)
      await Bun.sleep(50);
    return { done, removed: removeStorage(meshId) };
  }

  /** Gives what it removed. An open mesh's may hold what only the Python original has written, until it was read here. */
  function removeStorage(meshId: string): string[] {
    const isOpen = meshId === "open";
    const root = rocksdbRoot(at.env, at.stateDirectory);
    const storage = join(root, isOpen ? openStorageDirectory : sealedStorageDirectory(meshId));
    const removable = existsSync(storage) && (!isOpen || wasRead(host.store()));
    if (removable) rmSync(storage, { recursive: true, force: true });
    if (isOpen) {
      const left = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith(openStorageDirectory)) : [];
      for (const name of left)
        host.note(`${join(root, name)} is left, in plain text: it was never read here to its end`);
      host.store().forgetMesh(); // who comes back has everything to tell: nothing fills an open mesh's storage again
      host.store().setState(noted.mesh, meshId);
    }
    return removable ? [storage] : [];
  }

  /** Before this host comes (back) to an open mesh: leaving may have been cut short, by a full disk or by whoever ended it. */
  function finishLeaving(): void {
    const isAway = membershipText(directory) === undefined;
    if (isAway && host.store().state(noted.mesh) === openMembership.meshId) host.store().forgetMesh();
  }

  function ensureMembership(open: boolean): void {
    refuseCrossing(directory, open);
    if (open) {
      finishLeaving();
      writeMembership(directory, openMembership);
    } else if (!readMembership(directory)) makeMembership(directory);
  }

  return {
    router: routerControl(at, host),
    addresses: () => listenAddresses(networkInterfaces()),
    addressesOf(listen, open) {
      const endpoints = parseEndpoints(listen, { sealed: !open, role: "listen", defaultPort: ephemeralLinkPort });
      return addressesToDial({ listen: { endpoints } }, open);
    },
    async setUp(setup) {
      const code = setup.joinCode === undefined || setup.print ? undefined : decodeJoinCode(setup.joinCode);
      const next = code ? membershipOf(code) : setup.open && !setup.print ? openMembership : undefined;
      if (next) {
        refuseCrossing(directory, setup.open);
        requireSameMesh(next, setup.merge);
        if (next.kind === "open") finishLeaving();
      }
      const { done } = code ? await changeMesh(() => setUp(setup, at)) : { done: await setUp(setup, at) };
      return { ...done, ...(next && next.kind !== "relay" && { sharing: host.store().counts().live }) };
    },
    configuredMode: () => configuredMode(at),
    hasMembership(open) {
      refuseCrossing(directory, open);
      return readMembership(directory) !== undefined;
    },
    ensureMembership,

    async join(text, merge) {
      const code = decodeJoinCode(text);
      const membership = membershipOf(code);
      refuseCrossing(directory, false);
      requireSameMesh(membership, merge);
      const { live } = host.store().counts();
      await changeMesh(() => writeMembership(directory, membership));
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
      const file = routerFilePath(at);
      const files = existsSync(file) ? [file] : [];
      const { removed } = await changeMesh(() => {
        setBackend(at, "local"); // a full disk can prevent this, and then nothing is changed
        removeMembership(directory);
        rmSync(file, { force: true });
      });
      return { removed: [...files, ...removed], disable: disableService(at) };
    },

    async rotateKey() {
      requireSealed();
      const next = sealed();
      await changeMesh(() => writeMembership(directory, next));
      const addresses = addressesHere(false);
      return { code: encodeJoinCode({ kind: "full", meshKey: next.meshKey, addresses }), addresses };
    },

    async run(stop) {
      readRouterFile(at); // refuses before anything is started
      await takePart(host, configured(), stop);
    },
    runEphemeral: (start, stop) => takePart(host, ephemeral(start), stop),

    synchronise: (deadline, full) => synchroniseOnce(host, configured(), deadline, full),
  };
}
