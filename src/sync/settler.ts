import type { ReplicaStore } from "./replica-store.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Timing } from "./timing.ts";

/** Settles the store after many records have come, in short steps between which other writers have their turn. */
export function createSettler(
  store: Pick<ReplicaStore, "settle">,
  guard: (work: () => void) => void,
  { scheduler, timing }: { scheduler: Scheduler; timing: Pick<Timing, "calm" | "settlePause"> },
) {
  let cancel = () => {};

  function plan(delay: number): void {
    cancel();
    cancel = scheduler.after(delay, () => guard(step));
  }

  function step(): void {
    if (store.settle()) plan(timing.settlePause);
  }

  return {
    /** There is something to settle, once it is calm. */
    due: (): void => plan(timing.calm),
  };
}
