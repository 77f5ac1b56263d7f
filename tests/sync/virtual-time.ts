import { drainMicrotasks } from "bun:jsc";
import type { Scheduler } from "../../src/sync/scheduler.ts";

interface Event {
  at: number;
  order: number;
  run: (() => void) | undefined;
}

export type VirtualTime = ReturnType<typeof createVirtualTime>;

/** A seeded source of chance: numbers in [0, 1) (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A scheduler without a real clock: time passes only in `run`, at once, and what is awaited settles in between. */
export function createVirtualTime(seed: number, start = Date.parse("2026-01-02T03:04:05Z")) {
  const random = createRandom(seed);
  const heap: Event[] = [];
  let now = 0;
  let orders = 0;

  function before(a: Event, b: Event): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  function push(event: Event): void {
    heap.push(event);
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (before(heap[parent]!, heap[i]!)) break;
      [heap[parent], heap[i]] = [heap[i]!, heap[parent]!];
      i = parent;
    }
  }

  function pop(): Event {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let i = 0; ;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      }
      if (least === i) return first;
      [heap[least], heap[i]] = [heap[i]!, heap[least]!];
      i = least;
    }
  }

  const scheduler: Scheduler = {
    now: () => now,
    clock: () => start + now,
    after(delay, run) {
      const event: Event = { at: now + Math.max(0, delay), order: orders++, run };
      push(event);
      return () => {
        event.run = undefined;
      };
    },
    random,
  };

  /** Lets time pass until a condition holds; false where it does not within that many milliseconds. */
  function until(condition: () => boolean, limit: number): boolean {
    const end = now + limit;
    drainMicrotasks();
    while (!condition()) {
      if (heap.length === 0 || heap[0]!.at > end) {
        now = end;
        return condition();
      }
      const event = pop();
      now = Math.max(now, event.at);
      event.run?.();
      drainMicrotasks();
    }
    return true;
  }

  return {
    ...scheduler,
    /** Lets that many milliseconds pass. */
    run: (milliseconds: number) => void until(() => false, milliseconds),
    until,
  };
}
