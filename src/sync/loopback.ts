import type { Mesh, MeshListener, PeerId } from "./mesh.ts";
import type { Scheduler } from "./scheduler.ts";

/** What the network does to each message, by chance. Random delays also reorder. */
export interface Faults {
  /** Probability in [0, 1] that a message never arrives. */
  loss: number;
  /** Probability in [0, 1] that it arrives twice. */
  duplication: number;
  /** Shortest and longest travel time in milliseconds. */
  delay: readonly [number, number];
}

/** A mesh in memory, and the end of the process that opened it. */
export interface LoopbackMesh extends Mesh {
  /** Ends as `kill -9` does: nothing in flight from or to it arrives. */
  crash(): void;
}

/** The storage of one place's router: the newest bytes under each name. */
export type Shelf = Map<string, { bytes: Uint8Array; stamp: number }>;

interface Peer {
  id: PeerId;
  place: string;
  listener: MeshListener | undefined;
  announcement: Uint8Array | undefined;
  open: boolean;
}

export type Loopback = ReturnType<typeof createLoopback>;

/**
 * The mesh as a fake: peers linked in memory, with faults to order, deterministic by its scheduler. A *place* is a host
 * with its router; the peers of one place come and go, its storage (if it has one) stays.
 */
export function createLoopback(scheduler: Scheduler) {
  const peers = new Set<Peer>();
  const shelves = new Map<string, Shelf>();
  const islands = new Map<string, number>();
  const down = new Set<string>();
  let faults: Faults = { loss: 0, duplication: 0, delay: [1, 1] };
  let stamps = 0;

  function reachable(from: string, to: string): boolean {
    return !down.has(from) && !down.has(to) && (islands.get(from) ?? 0) === (islands.get(to) ?? 0);
  }

  function travel(run: () => void): void {
    const [shortest, longest] = faults.delay;
    scheduler.after(shortest + scheduler.random() * (longest - shortest), run);
  }

  /** Carries one message between two places, or not. */
  function carry(from: Peer, to: string, arrive: () => void): void {
    const times = scheduler.random() < faults.duplication ? 2 : 1;
    for (let i = 0; i < times; i++) {
      if (scheduler.random() < faults.loss || !reachable(from.place, to)) continue;
      travel(() => from.open && reachable(from.place, to) && arrive());
    }
  }

  /** Tells one peer what is now true of another, however long the news has travelled. */
  function tell(listening: Peer, about: Peer): void {
    if (listening === about || !listening.open) return;
    travel(() => {
      if (!listening.open || down.has(listening.place)) return;
      const here = about.open && reachable(about.place, listening.place);
      if (!here) listening.listener?.left(about.id);
      else if (about.announcement) listening.listener?.present(about.id, about.announcement);
    });
  }

  function tellAll(): void {
    for (const listening of peers) for (const about of peers) tell(listening, about);
  }

  function store(from: Peer, name: string, bytes: Uint8Array): void {
    const entry = { bytes: bytes.slice(), stamp: ++stamps };
    const keep = (shelf: Shelf) => (shelf.get(name)?.stamp ?? 0) < entry.stamp && shelf.set(name, entry);
    for (const [place, shelf] of shelves) {
      if (place === from.place) keep(shelf);
      else carry(from, place, () => keep(shelf));
    }
  }

  /** Deletes names from the storages that a place reaches, and tells the peers. */
  function remove(from: string, name: string): void {
    for (const [place, shelf] of shelves) if (place === from || reachable(from, place)) shelf.delete(name);
    for (const peer of peers) if (reachable(from, peer.place)) travel(() => peer.open && peer.listener?.deleted(name));
  }

  /** Routers that can reach each other bring their storages to the same state, without telling any subscriber. */
  function align(): void {
    for (const [from, source] of shelves) {
      for (const [to, target] of shelves) {
        if (from === to || !reachable(from, to)) continue;
        for (const [name, entry] of source) if ((target.get(name)?.stamp ?? 0) < entry.stamp) target.set(name, entry);
      }
    }
  }

  function scanFor(peer: Peer, matches: (name: string) => boolean): { name: string; bytes: Uint8Array }[] {
    const found: { name: string; bytes: Uint8Array }[] = [];
    for (const [place, shelf] of shelves) {
      if (place !== peer.place && !reachable(place, peer.place)) continue;
      for (const [name, { bytes }] of shelf) if (matches(name)) found.push({ name, bytes: bytes.slice() });
    }
    return found;
  }

  function end(peer: Peer): void {
    peer.open = false;
    peers.delete(peer);
    for (const other of peers) tell(other, peer);
  }

  function meshOf(peer: Peer): LoopbackMesh {
    const linked = () => peer.open && !down.has(peer.place);
    return {
      self: peer.id,
      open(listener) {
        peer.listener = listener;
        scheduler.after(0, () => peer.open && listener.linked(linked()));
        for (const other of peers) tell(peer, other);
      },
      publish(name, bytes) {
        if (!linked()) return Promise.resolve(false);
        store(peer, name, bytes);
        for (const other of peers) {
          const copy = bytes.slice();
          if (other !== peer) carry(peer, other.place, () => other.open && other.listener?.received(name, copy));
        }
        return Promise.resolve(true);
      },
      ask(to, question, deadline) {
        return new Promise((resolve) => {
          scheduler.after(deadline, () => resolve(undefined));
          const other = [...peers].find(({ id }) => id === to);
          if (!linked() || !other) return;
          const copy = question.slice();
          carry(peer, other.place, () => {
            const answer = other.open ? other.listener?.asked(peer.id, copy) : undefined;
            if (answer) carry(other, peer.place, () => peer.open && resolve(answer.slice()));
          });
        });
      },
      announce(announcement) {
        const replaced = peer.announcement !== undefined;
        peer.announcement = announcement.slice();
        for (const other of peers) if (!replaced || scheduler.random() >= faults.loss) tell(other, peer);
      },
      storage: shelves.has(peer.place)
        ? {
            put(name, bytes) {
              if (linked()) store(peer, name, bytes);
              return Promise.resolve(linked());
            },
            remove(name) {
              if (linked()) remove(peer.place, name);
              return Promise.resolve(linked());
            },
            get(name, deadline) {
              if (!linked() || scheduler.random() < faults.loss) return later([], deadline);
              const held = scanFor(peer, (other) => other === name).map(({ bytes }) => bytes);
              return later(held, faults.delay[1]);
            },
            async scan(slice, visit, deadline) {
              const whole = linked() && scheduler.random() >= faults.loss;
              const found = linked() ? scanFor(peer, (name) => lastPart(name).startsWith(slice)) : [];
              await later(undefined, whole ? faults.delay[1] : deadline);
              if (!peer.open) return false;
              for (const { name, bytes } of found) if (whole || scheduler.random() < 0.5) visit(name, bytes);
              return whole;
            },
          }
        : undefined,
      close() {
        end(peer);
        return Promise.resolve();
      },
      crash: () => end(peer),
    };
  }

  function later<T>(value: T, delay: number): Promise<T> {
    return new Promise((resolve) => scheduler.after(delay, () => resolve(value)));
  }

  return {
    /** A mesh for a process at a place; with an id that is another's for one who pretends. */
    connect(place: string, pretended?: PeerId): LoopbackMesh {
      const digits = () => Math.floor(scheduler.random() * 2 ** 32).toString(16);
      const id = pretended ?? `${digits()}${digits()}`;
      const peer: Peer = { id, place, listener: undefined, announcement: undefined, open: true };
      peers.add(peer);
      return meshOf(peer);
    },

    /** Gives a place's router a storage, and returns its content to look at, change or clear. */
    shelve(place: string): Shelf {
      const shelf = shelves.get(place) ?? new Map();
      shelves.set(place, shelf);
      return shelf;
    },

    /** Deletes one name or all from a storage, as a stranger at the WebSocket can, and tells the peers. */
    wipe(place: string, name = "**"): void {
      if (name === "**") shelves.get(place)?.clear();
      else shelves.get(place)?.delete(name);
      for (const peer of peers)
        if (reachable(place, peer.place)) travel(() => peer.open && peer.listener?.deleted(name));
    },

    setFaults(next: Partial<Faults>): void {
      faults = { ...faults, ...next };
    },

    /** Cuts the network: places reach only those of their own group. Places not named form one more group. */
    partition(...groups: string[][]): void {
      islands.clear();
      groups.forEach((places, i) => places.forEach((place) => islands.set(place, i + 1)));
      tellAll();
    },

    /** Mends every cut and every router; the storages align. */
    heal(): void {
      islands.clear();
      const revived = [...peers].filter(({ place }) => down.has(place));
      down.clear();
      for (const peer of revived) peer.listener?.linked(true);
      align();
      tellAll();
    },

    /** The place's router dies (or comes back): its peers lose their link, its storage is out of reach. */
    setRouter(place: string, up: boolean): void {
      if (up) down.delete(place);
      else down.add(place);
      for (const peer of peers) if (peer.place === place) peer.listener?.linked(up);
      if (up) align();
      tellAll();
    },
  };
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
