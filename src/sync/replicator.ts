import { noted } from "../store/noted.ts";
import type { StartThread } from "../store/second-thread.ts";
import { createAnnouncer } from "./announcer.ts";
import { createCatchUp } from "./catch-up.ts";
import { answerQuestion, usualRoom, type Session } from "./exchange.ts";
import { createInlet } from "./inlet.ts";
import { createKeeper } from "./keeper.ts";
import { protocol, type Answer, type Question } from "./message.ts";
import type { Mesh, MeshListener, PeerId } from "./mesh.ts";
import { createOutlet } from "./outlet.ts";
import { createOverview } from "./overview.ts";
import { createPeers, isUnderstood, type Peer } from "./peers.ts";
import { createPending } from "./pending.ts";
import type { ReplicaStore } from "./replica-store.ts";
import { createReplica, type Known, type Taken } from "./replica.ts";
import { noteRemains, noteUnpurged } from "./remains.ts";
import { createReporter } from "./report.ts";
import { pause, stoppable, type Scheduler } from "./scheduler.ts";
import type { Sealer } from "./sealer.ts";
import { createSettler } from "./settler.ts";
import type { Notice, Synchronisation } from "./status.ts";
import { createStorageCare } from "./storage-care.ts";
import { createTalk } from "./talk.ts";
import { usualTiming, type Timing } from "./timing.ts";

export interface ReplicatorOptions {
  mesh: Mesh;
  /** The mesh's id: a database that comes from another mesh has everything to tell. */
  meshId: string;
  store: ReplicaStore;
  sealer: Sealer;
  scheduler: Scheduler;
  /** This machine: its id, and what people call it. */
  host: { id: string; name: string };
  /**
   * An open mesh may be shared with the Python original: its peers answer no questions, so the storage is read on a
   * timer too; and what a reading does not find is not put back, because they may have deleted it.
   */
  open?: boolean;
  /** Told when content was erased that the storage may have had. */
  erased?: () => void;
  /** Told of what a person should hear of, each trouble once. */
  notify?: (notice: Notice) => void;
  timing?: Partial<Timing>;
  /** Starts a second thread for the search tokens of many records. */
  startThread?: StartThread;
  /** What need not be read from the store: of a hundred hosts in one process each has a copy. */
  known?: Known;
}

export type Replicator = ReturnType<typeof createReplicator>;

/**
 * Keeps one host's log and its mesh level: store to mesh, mesh to merge to store. It owns the mesh that it is given, and
 * all retrying. The store is the caller's, who must not close it before `stop` has settled.
 */
export function createReplicator(options: ReplicatorOptions) {
  const { mesh, store, sealer, host } = options;
  const scheduler = stoppable(options.scheduler);
  const open = options.open ?? false;
  const timing = { ...usualTiming, ...options.timing };
  const report = createReporter(options.notify ?? (() => {}));
  const peers = createPeers();
  const pending = createPending(store);
  const talk = createTalk(mesh, sealer, report.dropped);
  const settler = createSettler(store, guard, { scheduler, timing });
  const hears = { local: writtenHere, dropped: report.dropped, many: settler.due };
  const replica = createReplica(store, sealer, hears, options.known);
  const outlet = createOutlet(replica, mesh, scheduler, timing);
  const arrived = (what: Taken) => {
    taken(what);
    for (const name of what.refused) care?.suspect(name); // it lies in the storage now, in a record's place perhaps
  };
  const inlet = createInlet(replica, scheduler, { taken: arrived, guard, dropped: report.dropped });
  const announcer = createAnnouncer(scheduler, timing, () => guard(announce), {
    count: () => peers.size,
    haveSaidSo: () => peers.isAnnounced(replica.fingerprint()),
  });
  const catchUp = createCatchUp(
    replica,
    peers,
    {
      ask: (peer, question) => ask(peer.id, question),
      taken,
      ended,
      pending: () => pending.count,
      failed: report.failed,
      startThread: options.startThread,
    },
    { scheduler, timing },
  );
  const keeperPorts = { taken, run, running: () => running && linked };
  const keeper = mesh.storage && createKeeper(replica, mesh.storage, keeperPorts, { scheduler, timing, open });
  const carePorts = {
    state: store.state,
    setState: store.setState,
    idle: () => outlet.idle,
    read: () => announcer.changed(true),
    fed: () => catchUp.isFed,
    peers: () => peers.size,
    notify: options.notify ?? (() => {}),
  };
  const care = keeper && createStorageCare(keeper, carePorts, { scheduler, timing, open });
  const parts = { replica, peers, catchUp, pending, report, host: host.id, linked: () => linked };
  const overview = createOverview(parts, store, { scheduler, timing });
  let running = false;
  let linked = false;
  let aloneSince = 0;

  /** Does work in which the store may fail, for want of space or by a lock. It is counted; what follows tries again. */
  function guard(work: () => void): void {
    try {
      if (running) work();
    } catch (error) {
      report.failed(error);
    }
  }

  /** As `guard`, for work that takes its time. What fails after `stop` is nobody's concern. */
  function run(work: () => Promise<void>): void {
    guard(() => void work().catch((error: unknown) => running && report.failed(error)));
  }

  function writtenHere(rows: Parameters<typeof outlet.offer>[0]): void {
    const erasures = outlet.offer(rows).filter(({ kind }) => kind === "erasure");
    pending.add(rows);
    if (open) for (const { id } of erasures) keeper?.bury(id); // in a sealed mesh what the outlet sends overwrites
    if (erasures.length) erased();
    run(outlet.run);
    announcer.changed();
  }

  function taken({ added, outdated }: Taken): void {
    const ids = [...added.filter(({ kind }) => kind === "erasure"), ...outdated].map(({ id }) => id);
    for (const id of ids) keeper?.bury(id);
    if (ids.length) erased();
    if (added.length) announcer.changed();
  }

  function erased(): void {
    if (keeper && !open) noteRemains(store);
    options.erased?.();
  }

  function announce(): void {
    if (!linked) return;
    replica.verify();
    const { size: count } = replica.set;
    const fingerprint = replica.fingerprint();
    const clock = Math.floor(scheduler.clock());
    const told = { host: host.id, name: host.name, count, fingerprint, clock };
    talk.announce({ ...protocol, ...told, read: care?.isRead ?? false });
    peers.told(fingerprint, scheduler.now());
  }

  async function ask(id: PeerId, question: Question): Promise<Answer | undefined> {
    const asked = scheduler.clock();
    const answer = await talk.ask(id, question, timing.deadline);
    const peer = peers.get(id);
    if (answer && peer) {
      peer.lastContact = scheduler.clock();
      peer.clockOffset = Math.round(answer.clock - (asked + peer.lastContact) / 2);
    }
    return running ? answer : undefined;
  }

  function ended(session: Session, { announcement }: Peer): void {
    if (session.heldThrough === undefined) return;
    if (announcement?.read) care?.compared();
    guard(() => pending.heldThrough(session.heldThrough!));
  }

  /** Nobody is there who could hold our records: the storage is what there is. */
  async function confirmByStorage(): Promise<void> {
    aloneSince = scheduler.now();
    if (outlet.idle) await keeper?.confirm(pending.through, pending.heldThrough);
  }

  const listener: MeshListener = {
    linked(up) {
      linked = up;
      outlet.setLinked(up);
      if (!up) return peers.clear();
      aloneSince = scheduler.now();
      care?.linked();
      announcer.tell();
      catchUp.linked();
      run(outlet.run);
    },
    received: inlet.receive,
    asked: (from, sealed) => {
      let answer: Uint8Array | undefined;
      guard(() => {
        answer = talk.answer(from, sealed, (question) => answerTo(from, question));
      });
      return answer;
    },
    present(peer, sealed) {
      const announcement = talk.heard(peer, sealed);
      const isNew = announcement && !peers.get(peer)?.announcement;
      const known = peers.present(peer, announcement, scheduler.now());
      if (isNew && known) catchUp.peerCame(known);
      if (!known || isUnderstood(known)) return;
      const reason = announcement
        ? `it speaks protocol ${announcement.oldest} to ${announcement.newest}`
        : "unreadable";
      report.once(`peer ${peer}`, { kind: "notUnderstood", peer, reason });
    },
    left: peers.left,
    relayed: () => care?.relayed(),
    deleted(expression) {
      const record = sealer.deletion?.(expression);
      if (record) guard(() => taken(replica.merge([record])));
      else care?.suspect(expression);
    },
  };

  function answerTo(from: PeerId, question: Question): Answer {
    const busy = catchUp.busyFor(from, mesh.self);
    const { answer, taken: brought } = answerQuestion(replica, question, { room: usualRoom, busy });
    catchUp.fedBy(from, brought, question.ranges.length > 0);
    taken(brought);
    return { ...answer, clock: Math.floor(scheduler.clock()) };
  }

  function tick(): void {
    if (!running) return;
    scheduler.after(timing.tick, tick);
    guard(replica.refresh);
    if (linked) {
      const now = scheduler.now();
      announcer.tick();
      run(outlet.run);
      guard(catchUp.tick);
      if (care) run(care.tick);
      if (peers.all().some(isUnderstood)) aloneSince = now;
      else if (now - aloneSince > timing.settle && pending.count > 0) run(confirmByStorage);
      for (const claim of overview.duplicates()) {
        report.once(`host ${claim.host}`, { kind: "duplicateHost", ...claim });
      }
    }
    guard(outlet.keep);
    guard(overview.keep);
  }

  return {
    /** Begins. The mesh may link at any time later, and again and again. */
    start(): void {
      running = true;
      if (store.state(noted.mesh) !== options.meshId) {
        store.forgetMesh();
        store.setState(noted.mesh, options.meshId);
      } else overview.recall();
      if (keeper && !open) noteUnpurged(store);
      outlet.start();
      pending.start();
      replica.refresh();
      settler.due(); // what came before may not have been settled to its end
      mesh.open(listener);
      scheduler.after(timing.tick * scheduler.random(), tick);
    },

    /** Something was written to the store: publishes it without waiting for the next look. */
    wake: () => guard(replica.refresh),

    status: overview.status,
    session: overview.session,

    /** Synchronises once, now: with a peer, or else with the storage; `readStorage` reads all of the latter too. */
    async synchronise(deadline: number, readStorage = false): Promise<Synchronisation> {
      const until = scheduler.now() + deadline;
      let session: Session | undefined;
      while (running && scheduler.now() < until && session?.heldThrough === undefined) {
        await pause(timing.tick / 10, scheduler);
        guard(replica.refresh);
        if (!linked || !outlet.idle) continue;
        session = (await catchUp.runNow()) ?? session;
        if (!session && scheduler.now() - aloneSince > timing.settle) await confirmByStorage();
        if (!session && pending.count === 0) break;
      }
      const reading = readStorage && linked && keeper ? await keeper.read() : undefined;
      return { session, reading, pending: pending.count };
    },

    /** Ends. What is under way is dropped; it is taken up again by the next start. */
    stop(): Promise<void> {
      guard(outlet.keep); // else the next start would hand over again what the Python original has taken out since
      running = false;
      scheduler.stop();
      catchUp.stop();
      return mesh.close();
    },
  };
}
