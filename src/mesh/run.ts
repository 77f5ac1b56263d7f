import { randomBytes } from "node:crypto";
import { rmSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { timestamp } from "../core/time.ts";
import { sealedStorageDirectory, type JsonObject } from "../router/config.ts";
import { embedded } from "../router/embedded.ts";
import { rocksdbRoot } from "../router/environment.ts";
import { privateDirectory } from "../router/private-files.ts";
import { provideRouter } from "../router/provision.ts";
import { readRunning } from "../router/running.ts";
import { startedWith, superviseRouter } from "../router/supervise.ts";
import { acquireLock, meshLockPath } from "../store/lock.ts";
import { noted } from "../store/noted.ts";
import { openReplicaStore } from "../store/replica.ts";
import type { Store } from "../store/store.ts";
import { meshSealer } from "../sync/mesh-sealer.ts";
import { openSealer } from "../sync/open-sealer.ts";
import { noteRenewal, remains } from "../sync/remains.ts";
import { createReplicator, type Replicator } from "../sync/replicator.ts";
import type { StartThread } from "../store/second-thread.ts";
import { systemScheduler } from "../sync/scheduler.ts";
import { relayStatusText } from "../sync/status.ts";
import { forgetStorage } from "../sync/storage-care.ts";
import { createZenohMesh } from "../zenoh/mesh.ts";
import { probeRouter } from "../zenoh/probe.ts";
import { showRelay } from "../zenoh/relay.ts";
import { createCleaner } from "./clean.ts";
import { hubProblems, watchHubs } from "./hubs.ts";
import { createStateTeller, noticeText } from "./notices.ts";
import { createResponder } from "./request.ts";
import { createSessionTeller } from "./sessions.ts";
import { keySpace, membershipText, meshDirectory, provideLinkCredentials, readMembership } from "./membership.ts";
import type { Membership } from "./membership.ts";
import { keepMemoryLow } from "./memory.ts";

/** Milliseconds between two looks at the session that runs, and for the requests of other processes. */
const lookEvery = 500;

/** Milliseconds for which a commit is waited for that has begun to write: first often, as most are done soon. */
const usualCommit = 16;
const longestCommit = 256;

/** What running a mesh needs of this machine and process. */
export interface MeshHost {
  stateDirectory: string;
  database: string;
  env: { readonly [name: string]: string | undefined };
  /** Opened when there is something to replicate. */
  store(): Store;
  /** This machine: its id, and what people call it. */
  identity(): { id: string; name: string };
  now(): Date;
  /** Says something to the person who watches, or to the service's log. No secrets. */
  note(line: string): void;
  /** Shows how far a long session is, where a person watches. */
  progress(done: number, size: number | undefined): void;
  /** Starts a second thread for the search tokens of many records. */
  startThread: StartThread;
}

/** What the router is started with; read anew at each start, so that an edited file takes effect. */
export interface RouterChoices {
  file(membership: Membership): JsonObject;
  /** Whether routers of this mesh keep records. */
  storage: boolean;
}

/**
 * Takes part in the mesh until told to stop: router and replicator, which restart by themselves. Waits for a key where
 * there is none, and begins anew when the membership changes. Throws UserError where another process of this host
 * takes part already.
 */
export async function takePart(host: MeshHost, choices: RouterChoices, stop: Promise<void>): Promise<void> {
  const directory = privateDirectory(meshDirectory(host.stateDirectory));
  const release = acquireLock(meshLockPath(host.stateDirectory));
  if (!release) {
    throw new UserError("conflict", "another process of this host takes part in the mesh already", {
      hint: "`kioku-mesh status` shows it; end it before starting another",
    });
  }
  try {
    const ending = { stopped: false };
    void stop.then(() => (ending.stopped = true));
    while (!ending.stopped) {
      const text = await membershipOf(host, directory, stop);
      if (text === undefined) return;
      const membership = readMembership(directory);
      if (!membership) continue; // the host has left meanwhile
      const part = startPart(membership, host, choices);
      await whenChanged(directory, text, stop);
      await part.stop();
    }
  } finally {
    release();
  }
}

/** The text of the membership, waited for; undefined when told to stop before there is one. */
async function membershipOf(host: MeshHost, directory: string, stop: Promise<void>): Promise<string | undefined> {
  const present = membershipText(directory);
  if (present !== undefined) return present;
  host.note("this host has no key of the mesh yet: waiting for `kioku-mesh mesh join -` (or `init --open`)");
  await whenChanged(directory, undefined, stop);
  return membershipText(directory);
}

/** Settles when the membership is another than the one given, or on being told to stop. */
async function whenChanged(directory: string, text: string | undefined, stop: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => membershipText(directory) !== text && resolve(), 500);
  await Promise.race([promise, stop]).finally(() => clearInterval(timer));
}

/** Router and, unless this is a relay, replicator of one membership. */
export function startPart(membership: Membership, host: MeshHost, choices: RouterChoices) {
  const supervisor = supervise(membership, host, choices);
  const unwatchHubs = watchLinks(membership, host, choices);
  if (membership.kind === "relay") {
    const self = randomBytes(16).toString("hex");
    const unshow = showRelay(keySpace(membership).control, self, () => endpointOf(meshDirectory(host.stateDirectory)));
    return {
      replicator: undefined,
      async stop() {
        unwatchHubs();
        unshow();
        await supervisor.stop();
      },
    };
  }
  const renew = () => supervisor.restart("its storage is made anew without what was erased");
  const cleaner = createCleaner(host, renew);
  const { replicator, stop } = replicate(membership, host, choices.storage, cleaner.plan);
  cleaner.plan();
  return {
    replicator,
    async stop() {
      cleaner.stop();
      unwatchHubs();
      await stop();
      await supervisor.stop();
    },
  };
}

/** Starts the router, and keeps it running. */
function supervise(membership: Membership, host: MeshHost, choices: RouterChoices) {
  const directory = meshDirectory(host.stateDirectory);
  const routers = join(host.stateDirectory, "router");
  const tellState = createStateTeller(host.note);
  return superviseRouter({
    directory,
    provide: () => provideRouter(routers, embedded),
    plan: async () => {
      const { issueLoopbackCredentials } = await import("../seal/authority.ts");
      if (choices.storage) renewStorage(membership, host);
      const isSealed = await provideLinkCredentials(directory, membership, host.now());
      return {
        file: choices.file(membership),
        ...(isSealed && { meshId: membership.meshId }),
        ...(host.env.ZENOH_CONNECT && { zenohConnect: host.env.ZENOH_CONNECT }),
        webSocket: issueLoopbackCredentials(),
      };
    },
    probe: (port, authority) => probeRouter(port, authority, 5_000),
    onState: (state) => {
      if (membership.kind === "relay") host.store().setState(noted.status, relayStatusText(state.state === "ready"));
      tellState(state);
    },
    env: host.env,
    stateDirectory: host.stateDirectory,
    now: host.now,
  });
}

/** Says what keeps this host from linking to those that it dials, for `doctor` too. */
function watchLinks(membership: Membership, host: MeshHost, choices: RouterChoices): () => void {
  const directory = meshDirectory(host.stateDirectory);
  return watchHubs({
    async problems() {
      const dialled = readRunning(directory) ? startedWith(directory) : choices.file(membership);
      return await hubProblems(dialled, membership);
    },
    async isLinked() {
      const router = readRunning(directory);
      const view = router && (await probeRouter(router.port, router.authority, 2_000).catch(() => undefined));
      return view !== undefined && view.routers.length > 0;
    },
    tell(problems) {
      for (const { hub, problem, hint } of problems) host.note(`${hub}: ${problem}. ${hint}`);
      host.store().setState(noted.hubs, JSON.stringify(problems.map(({ hub, problem }) => `${hub}: ${problem}`)));
    },
    failed: (error) => host.note(`hubs: ${error instanceof Error ? error.message : String(error)}`),
  });
}

/**
 * Before the router starts: where its storage's files may have erased content in them, makes way for a new storage. It
 * is a cache of every host's database. An open mesh's may hold what only the Python original has written: it stays.
 */
function renewStorage(membership: Membership, { store, env, stateDirectory, now }: MeshHost): void {
  if (membership.kind !== "sealed" || remains(store(), now().getTime()) !== "now") return;
  const directory = sealedStorageDirectory(membership.meshId);
  rmSync(join(rocksdbRoot(env, stateDirectory), directory), { recursive: true, force: true });
  forgetStorage(store());
  noteRenewal(store(), now().getTime());
}

/** Where the router that runs now can be talked to. */
function endpointOf(directory: string): { port: number; certificate: string | undefined } | undefined {
  const router = readRunning(directory);
  return router && { port: router.port, certificate: router.authority };
}

/** Starts to keep this host's log and the mesh level. */
function replicate(
  membership: Exclude<Membership, { kind: "relay" }>,
  host: MeshHost,
  storage: boolean,
  erased: () => void,
) {
  const directory = meshDirectory(host.stateDirectory);
  const mesh = createZenohMesh({
    space: keySpace(membership),
    self: randomBytes(16).toString("hex"),
    endpoint: () => endpointOf(directory),
    storage,
  });
  const replicator = createReplicator({
    mesh,
    meshId: membership.meshId,
    store: openReplicaStore(host.store()),
    sealer:
      membership.kind === "open"
        ? openSealer({
            observation: (id) => host.store().record("observation", id)?.payload ?? undefined,
            now: () => timestamp(host.now()),
          })
        : meshSealer(membership.keys),
    scheduler: systemScheduler,
    host: host.identity(),
    open: membership.kind === "open",
    erased,
    notify: (notice) => host.note(noticeText(notice)),
    startThread: host.startThread,
  });
  replicator.start();
  const unwatch = watchDatabase(host.database, replicator);
  const endMemory = keepMemoryLow();
  const tellSession = createSessionTeller(host);
  const respond = createResponder(host.store(), replicator);
  const looking = setInterval(() => {
    tellSession(replicator.session());
    respond().catch((error: unknown) => host.note(noticeText({ kind: "failed", error })));
  }, lookEvery);
  return {
    replicator,
    async stop() {
      clearInterval(looking);
      unwatch();
      endMemory();
      await replicator.stop();
    },
  };
}

/**
 * Wakes the replicator when any process commits to the database. Each commit writes the WAL, but can be read only when
 * that has reached the disk, which nothing tells: so it is looked at again and again for a while.
 */
function watchDatabase(database: string, replicator: Pick<Replicator, "wake">): () => void {
  const wal = `${basename(database)}-wal`;
  let timer: ReturnType<typeof setTimeout> | undefined;
  function look(waited: number): void {
    clearTimeout(timer);
    const delay = waited < usualCommit ? 1 : waited;
    timer = setTimeout(() => {
      replicator.wake();
      if (waited < longestCommit) look(waited + delay);
    }, delay);
  }
  const watcher = watch(dirname(database), (_, file) => file === wal && look(0));
  watcher.on("error", () => watcher.close()); // what is not seen here, the replicator's own look finds
  return () => {
    watcher.close();
    clearTimeout(timer);
  };
}
