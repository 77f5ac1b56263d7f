import type { TokenThread } from "./token-thread.ts";

/** Starts a thread; absent where there is none to be had. */
export type StartThread = (() => Promise<TokenThread>) | undefined;

/**
 * A second thread for what brings many records, started when so many have come that it is worthwhile: likely many more will,
 * and a thread takes a moment and 30 MB to start.
 */
export function createSecondThread(start: StartThread, worthwhile: number) {
  let thread: TokenThread | undefined;
  let started = false;
  let ended = false;

  async function begin(): Promise<void> {
    const one = await start!();
    if (ended) one.close();
    else thread = one;
  }

  return {
    get current() {
      return thread;
    },

    /** So many records have come by now. */
    received(count: number): void {
      if (!start || started || count < worthwhile) return;
      started = true;
      begin().catch(() => {}); // it goes on without
    },

    end(): void {
      ended = true;
      thread?.close();
      thread = undefined;
    },
  };
}
