import type { PutOptions, Query, Reply, Sample, Session } from "@eclipse-zenoh/zenoh-ts";
import type { Mesh, MeshListener, MeshStorage, PeerId } from "../sync/mesh.ts";
import { zenoh, type Endpoint, type Link } from "./client.ts";
import { keepLinked, usualPatience, type Patience } from "./keep.ts";
import { relayTokens } from "./relay.ts";

/** The key expressions of one mesh. */
export interface KeySpace {
  /** Above the names of records: `kioku/<mesh id>/record`, or `mem` in an open mesh. */
  records: string;
  /** Above questions and presence; no storage covers it. */
  control: string;
}

export interface ZenohOptions {
  space: KeySpace;
  /** This opening of the mesh: random, 32 hex digits. */
  self: PeerId;
  /** Where the router answers now; undefined while there is none. Asked at each attempt, for a restart moves it. */
  endpoint(): Endpoint | undefined;
  /** Whether the routers keep records. */
  storage: boolean;
  patience?: Patience;
}

/** Tags of everything sent: never dropped under load, and not held back for a batch. */
const urgent = { express: true } as const;

/**
 * The mesh over a Zenoh router's WebSocket. Reconnects by itself, declares everything again, and gives every request an
 * end of its own: the client library does none of it.
 */
export function createZenohMesh(options: ZenohOptions): Mesh {
  const { space, self, patience = usualPatience } = options;
  const tokens = new Map<PeerId, Set<string>>();
  let listener: MeshListener | undefined;
  let link: Link | undefined;
  let announcement: Uint8Array | undefined;
  let token: { undeclare(): Promise<void> } | undefined;
  let announcing = Promise.resolve();
  let barrier: Promise<boolean> | undefined;
  let nextBarrier: Promise<boolean> | undefined;
  let unlink = () => {};
  let ended = false;

  function forget(): void {
    link = undefined;
    token = undefined;
    tokens.clear();
    if (!ended) listener!.linked(false);
  }

  /** Makes a fresh session our link: hears, answers, is present. False when it broke meanwhile. */
  async function declare(opened: Link): Promise<boolean> {
    const { session } = opened;
    const nothing = () => {};
    try {
      await session.declareSubscriber(`${space.records}/**`, { handler: [onRecord, nothing] });
      await session.declareQueryable(`${space.control}/ask/${self}`, { handler: [onQuestion, nothing] });
      link = opened;
      listener!.linked(true);
      const handler: [(sample: Sample) => void, () => void] = [onPresence, nothing];
      await session.liveliness().declareSubscriber(`${space.control}/peer/**`, { history: true, handler });
      const relays = { history: true, handler: [onRelay, nothing] as [(sample: Sample) => void, () => void] };
      if (options.storage) await session.liveliness().declareSubscriber(`${space.control}/${relayTokens}/**`, relays);
      announceNow();
      return true;
    } catch {
      return false; // the session broke before it was whole: the next attempt begins anew
    }
  }

  function onRecord(sample: Sample): void {
    if (ended) return;
    const name = sample.keyexpr().toString();
    if (isDelete(sample)) listener!.deleted(name);
    else listener!.received(name, sample.payload().toBytes());
  }

  function onQuestion(query: Query): void {
    void (async () => {
      const from = query.attachment()?.toString() ?? "";
      const answer = ended ? undefined : listener!.asked(from, query.payload()?.toBytes() ?? new Uint8Array());
      if (answer) await query.reply(query.keyExpr(), answer, urgent);
      await query.finalize();
    })().catch(() => undefined); // the link broke under the answer: who asked has a deadline
  }

  /** Tokens are `peer/<id>/<announcement in hex>`: a state that whoever connects later learns too. */
  function onPresence(sample: Sample): void {
    if (ended) return;
    const [peer, text] = sample.keyexpr().toString().slice(`${space.control}/peer/`.length).split("/");
    if (!peer || text === undefined || peer === self || !isPeerId(peer) || !/^([0-9a-f]{2})*$|^-$/.test(text)) return;
    const known = tokens.get(peer) ?? new Set();
    if (!isDelete(sample)) {
      tokens.set(peer, known.add(text));
      listener!.present(peer, text === "-" ? new Uint8Array() : Uint8Array.fromHex(text));
      return;
    }
    known.delete(text);
    if (known.size > 0 || !tokens.delete(peer)) return;
    listener!.left(peer);
  }

  function onRelay(sample: Sample): void {
    if (!ended && !isDelete(sample)) listener!.relayed();
  }

  /** Replaces our token: the new one first, so that peers never see us gone between the two. */
  function announceNow(): void {
    announcing = announcing.then(async () => {
      if (!link || !announcement) return;
      const text = announcement.length ? announcement.toHex() : "-";
      const old = token;
      try {
        token = await link.session.liveliness().declareToken(`${space.control}/peer/${self}/${text}`);
        await old?.undeclare();
      } catch {
        token = undefined; // the link broke: the next session announces anew
      }
    });
  }

  /** Settles true when the router has handled everything sent before. Many callers share one request. */
  function settled(): Promise<boolean> {
    if (!barrier) return (barrier = ask().finally(() => (barrier = undefined)));
    return (nextBarrier ??= barrier.then(() => {
      nextBarrier = undefined;
      return settled();
    }));
    async function ask(): Promise<boolean> {
      if (!link) return false;
      const { session, whileOpen } = link;
      const handled = session.newTimestamp().then(
        () => link?.session === session,
        () => false,
      );
      return await whileOpen(handled, false);
    }
  }

  /** Sends something to the storages, and waits until the router has taken it. */
  async function handOver(send: (session: Session, tags: PutOptions) => Promise<void>): Promise<boolean> {
    if (!link) return false;
    const { CongestionControl } = await zenoh();
    try {
      await send(link.session, { congestionControl: CongestionControl.BLOCK, ...urgent });
      return await settled();
    } catch {
      return false; // no link, which is what false says
    }
  }

  const put = (name: string, bytes: Uint8Array) => handOver((session, tags) => session.put(name, bytes, tags));

  /** One query; gives what `visit` accepts first, or its end. True: all who could have answered. */
  async function query<T>(
    selector: string,
    deadline: number,
    visit: (sample: Sample) => T | undefined,
    question?: Uint8Array,
  ) {
    if (!link) return { found: undefined, complete: false };
    const { ConsolidationMode, Duration, QueryTarget, Sample } = await zenoh();
    const { promise, resolve } = Promise.withResolvers<{ found: T | undefined; complete: boolean }>();
    const timer = setTimeout(() => resolve({ found: undefined, complete: false }), deadline);
    const onReply = (reply: Reply) => {
      const result = reply.result();
      const found = result instanceof Sample ? visit(result) : undefined;
      if (found !== undefined) resolve({ found, complete: false });
    };
    link.session
      .get(selector, {
        timeout: Duration.milliseconds.of(deadline),
        consolidation: ConsolidationMode.NONE,
        target: QueryTarget.ALL,
        ...(question && { payload: question, attachment: self }),
        handler: [onReply, () => resolve({ found: undefined, complete: true })],
        ...urgent,
      })
      .catch(() => resolve({ found: undefined, complete: false }));
    return await link.whileOpen(promise, { found: undefined, complete: false }).finally(() => clearTimeout(timer));
  }

  const storage: MeshStorage = {
    put,
    remove: (name) => handOver((session, tags) => session.delete(name, tags)),
    async get(name, deadline) {
      const held: Uint8Array[] = [];
      await query(name, deadline, (sample) => void held.push(sample.payload().toBytes()));
      return held;
    },
    async scan(slice, visit, deadline) {
      const selector = slice === "" ? `${space.records}/**` : `${space.records}/**/${slice}$*`;
      const { complete } = await query(selector, deadline, (sample) => {
        visit(sample.keyexpr().toString(), sample.payload().toBytes());
        return undefined;
      });
      return complete;
    },
  };

  return {
    self,
    open(heard) {
      listener = heard;
      const lost = () => link && forget();
      unlink = keepLinked({ endpoint: options.endpoint, patience, use: declare, lost });
    },
    publish: put,
    async ask(peer, question, deadline) {
      const selector = `${space.control}/ask/${peer}`;
      return (await query(selector, deadline, (sample) => sample.payload().toBytes(), question)).found;
    },
    announce(text) {
      announcement = text;
      announceNow();
    },
    storage: options.storage ? storage : undefined,
    async close() {
      ended = true;
      unlink();
      await announcing;
      link?.close();
    },
  };
}

/** Whoever reaches the router can declare any token; what is no id is shown to nobody. */
function isPeerId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

function isDelete(sample: Sample): boolean {
  return sample.kind() === 1; // SampleKind.DELETE, an enum that only exists once the library is loaded
}
