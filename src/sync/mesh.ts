/**
 * The port between the replication rules and a network. It moves opaque bytes under names and promises little, so that
 * little can break: whatever is published or asked may be lost, may come twice, and may come in any order. The rules
 * above it must be right all the same.
 */

/** One opening of a mesh by one process. Random each time, so that a cloned disk never shares it. */
export type PeerId = string;

export interface Mesh {
  readonly self: PeerId;

  /** Starts the traffic. Called once, before anything else; no event comes before it, none after `close`. */
  open(listener: MeshListener): void;

  /**
   * Sends a record to every peer that is connected now, and to the storages on the way. Settles when the router has
   * taken it, which is the only back-pressure there is; false when there is no link. True says nothing about arrival:
   * each peer gets it never, once or several times.
   */
  publish(name: string, bytes: Uint8Array): Promise<boolean>;

  /** Asks one peer. Undefined when no answer has come within `deadline` milliseconds, for whatever reason. */
  ask(peer: PeerId, question: Uint8Array, deadline: number): Promise<Uint8Array | undefined>;

  /**
   * Makes this peer present, with a small message of its own (at most 512 bytes), or replaces that. It is a state, not
   * an event: who connects later, or again, learns the latest one. A replacement may be lost; then the old one stays.
   */
  announce(announcement: Uint8Array): void;

  /** The records that routers keep, while no replicator runs too. Absent in a mesh whose routers keep nothing. */
  readonly storage: MeshStorage | undefined;

  close(): Promise<void>;
}

/** What the replication rules want to hear. Handlers return quickly and never throw. */
export interface MeshListener {
  /** The link to the router is up, or gone. Presence is void while it is gone. */
  linked(up: boolean): void;
  /** A record that another peer has published. */
  received(name: string, bytes: Uint8Array): void;
  /** A question of a peer, which it claims to be; undefined answers nothing. */
  asked(from: PeerId, question: Uint8Array): Uint8Array | undefined;
  /** A peer is present, or its announcement has changed. Never ourselves. */
  present(peer: PeerId, announcement: Uint8Array): void;
  /** A peer has closed, died or is out of reach. */
  left(peer: PeerId): void;
  /** A router has come within reach that keeps records for the mesh and has no peer beside it to tell of them. */
  relayed(): void;
  /** Somebody deleted names from the storages: a name, or an expression that matches several. */
  deleted(expression: string): void;
}

/**
 * A cache of the set, never the truth. Silence is not absence: a storage that is starting, aligning or cut off does not
 * answer, or answers with less than it will have.
 */
export interface MeshStorage {
  /** Stores without need of telling the peers. Otherwise as `publish`. */
  put(name: string, bytes: Uint8Array): Promise<boolean>;
  /**
   * Deletes a name, and tells the peers. Otherwise as `publish`. Routers forget that they have deleted: one that was away
   * brings the name back.
   */
  remove(name: string): Promise<boolean>;
  /** The bytes under one name, from each storage that answered with any within `deadline` milliseconds. */
  get(name: string, deadline: number): Promise<Uint8Array[]>;
  /**
   * Reads every name whose last part begins with the hex digits of `slice` ("": all). One name may come several times,
   * from several storages. Each call makes every router read all it has: few slices, rarely. True when all that was
   * reachable has answered to its end within `deadline` milliseconds.
   */
  scan(slice: string, visit: (name: string, bytes: Uint8Array) => void, deadline: number): Promise<boolean>;
}
