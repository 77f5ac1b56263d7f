import type { TokenThread } from "../store/token-thread.ts";

/** A session that has brought so many records likely brings many more. A thread takes a moment and 30 MB to start. */
const worthwhile = 2_000;

/** Starts a thread; absent where there is none to be had. */
export type StartThread = (() => Promise<TokenThread>) | undefined;

/** A second thread for one session, started when the session has brought so much that it pays. */
export function createSecondThread(start: StartThread) {
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

    /** So many records the session has brought by now. */
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
