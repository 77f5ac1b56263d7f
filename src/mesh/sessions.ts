import type { ReplicationStatus } from "../sync/status.ts";

/** Sessions that move fewer records are over before anybody wonders. */
const worthTelling = 200;

interface Listener {
  /** Shows how far it is, where a person watches. */
  progress?(done: number, size: number): void;
  note(line: string): void;
}

/** Shows how far a long session is, such as a new host's first one, and says what it did once it is over. Called now and then. */
export function createSessionTeller({ progress, note }: Listener) {
  let last: ReplicationStatus["session"];

  return (session: ReplicationStatus["session"]): void => {
    const isOver = last && (session?.name !== last.name || moved(session) < moved(last));
    if (last && isOver && moved(last) >= worthTelling) {
      note(`synchronised with ${last.name}: received ${last.received} records, sent ${last.sent}`);
    }
    last = session;
    if (!session) return;
    const size = moved(session) + session.toReceive + session.toSend;
    if (size >= worthTelling) progress?.(moved(session), size);
  };
}

function moved({ sent, received }: { sent: number; received: number }): number {
  return sent + received;
}
