import { openLink, type Endpoint, type Link } from "./client.ts";

/** Milliseconds until a session must be open, and between attempts (doubled up to the limit). */
export interface Patience {
  open: number;
  retry: number;
  retryLimit: number;
}

export const usualPatience: Patience = { open: 5_000, retry: 100, retryLimit: 5_000 };

interface Use {
  /** The router; undefined while there is none. Asked at each attempt, for a restart moves it. */
  endpoint(): Endpoint | undefined;
  patience: Patience;
  /** Takes a fresh session; false when it broke meanwhile. */
  use(link: Link): Promise<boolean>;
  /** The session is gone, or never was one. */
  lost(): void;
}

/** Keeps a session with the router, opened anew whenever it broke: the client library does not. Gives what ends it. */
export function keepLinked({ endpoint, patience, use, lost }: Use): () => void {
  const end = Promise.withResolvers<void>();
  let ended = false;

  async function stayLinked(): Promise<void> {
    for (let wait = patience.retry; !ended;) {
      const router = endpoint();
      const opened = router && (await openLink(router, patience.open));
      if (opened && !ended && (await use(opened))) {
        wait = patience.retry;
        await Promise.race([opened.closed, end.promise]);
      }
      lost();
      opened?.close();
      if (ended) return;
      await rest(wait);
      if (router) wait = Math.min(wait * 2, patience.retryLimit); // to look whether there is a router costs nothing
    }
  }

  /** Waits, but for no longer than we are needed. */
  async function rest(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    await Promise.race([promise, end.promise]).finally(() => clearTimeout(timer));
  }

  void stayLinked();
  return () => {
    ended = true;
    end.resolve();
  };
}
