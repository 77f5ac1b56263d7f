import { parseObject } from "../core/json.ts";
import { timestamp } from "../core/time.ts";
import { compared, type PeerStatus } from "./status.ts";

/** So many hosts that are away are remembered: those seen last. */
const most = 32;

/** Remembers the peers that have been here, by host, for `status` to name those that are away. */
export function createAcquaintances() {
  let known: PeerStatus[] = [];
  let present = new Set<string>();

  return {
    /** Takes up what the process before us has shown. */
    recall(shown: string | undefined): void {
      const { peers = [], away = [] } = (parseObject(shown ?? "") ?? {}) as { [list: string]: PeerStatus[] };
      known = [...peers, ...away].filter(({ host }) => host !== "").slice(0, most);
      present = new Set();
    },

    /** Those who are not among the peers that are here. `clock` is the time of day, in milliseconds. */
    away(here: readonly PeerStatus[], own: { count: number; fingerprint: string }, clock: number): PeerStatus[] {
      const hosts = new Set(here.map(({ host }) => host));
      const gone = known
        .filter(({ host }) => !hosts.has(host))
        .map((peer) => (present.has(peer.host) ? { ...peer, lastContact: timestamp(clock) } : peer));
      known = [...here.filter(({ host }) => host !== ""), ...gone].slice(0, most);
      present = hosts;
      return gone.map((peer) => compared(peer, own));
    },
  };
}
