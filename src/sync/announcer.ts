import type { Scheduler } from "./scheduler.ts";
import type { Timing } from "./timing.ts";

/**
 * Decides when to announce: when the set has been quiet for a moment, spread by chance because all peers see the same
 * change at the same time, and unless enough of them have said so by then (as Trickle, RFC 6206, does); under steady
 * change now and then, the more rarely the more there are.
 */
export function createAnnouncer(
  scheduler: Scheduler,
  timing: Timing,
  announce: () => void,
  peers: { count(): number; haveSaidSo(): boolean },
) {
  let changed: number | undefined;
  let announced = 0;
  let ours = false; // nobody else can say it
  let cancel: (() => void) | undefined;

  function plan(): void {
    const spread = (timing.jitter + timing.jitterPerPeer * peers.count()) * scheduler.random();
    const latest = Math.max(timing.announceAtLatest, timing.announcePerPeer * peers.count());
    cancel = scheduler.after(timing.quiet + spread, () => {
      cancel = undefined;
      const now = scheduler.now();
      const steady = changed !== undefined && now - changed < timing.quiet;
      if (steady && now - announced < latest) plan();
      else if (!ours && peers.haveSaidSo()) changed = undefined;
      else tell();
    });
  }

  function tell(): void {
    cancel?.();
    cancel = undefined;
    changed = undefined;
    ours = false;
    announced = scheduler.now();
    announce();
  }

  return {
    /** The set has changed, or something of which no other peer's word tells. */
    changed(byUsAlone = false): void {
      changed = scheduler.now();
      ours ||= byUsAlone;
      if (!cancel) plan();
    },
    /** Announces now: the link is new. */
    tell,
    /** Says it again now and then: what was said may have been lost. */
    tick(): void {
      if (scheduler.now() - announced >= timing.slow) tell();
    },
  };
}
