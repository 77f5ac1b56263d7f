import type { Scheduler } from "./scheduler.ts";
import type { Timing } from "./timing.ts";

/**
 * Decides when to announce: when the set has been quiet for a moment, spread by chance because all peers see the same
 * change at the same time; under steady change now and then.
 */
export function createAnnouncer(scheduler: Scheduler, timing: Timing, announce: () => void, peers: () => number) {
  let changed: number | undefined;
  let announced = 0;
  let cancel: (() => void) | undefined;

  function plan(): void {
    const spread = (timing.jitter + timing.jitterPerPeer * peers()) * scheduler.random();
    cancel = scheduler.after(timing.quiet + spread, () => {
      cancel = undefined;
      const now = scheduler.now();
      const steady = changed !== undefined && now - changed < timing.quiet;
      if (steady && now - announced < timing.announceAtLatest) plan();
      else tell();
    });
  }

  function tell(): void {
    cancel?.();
    cancel = undefined;
    changed = undefined;
    announced = scheduler.now();
    announce();
  }

  return {
    /** The set has changed. */
    changed(): void {
      changed = scheduler.now();
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
