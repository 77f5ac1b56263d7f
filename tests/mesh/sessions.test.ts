import { expect, test } from "bun:test";
import { createSessionTeller } from "../../src/mesh/sessions.ts";

/** What a person sees and reads while sessions go by as they are looked at. */
function told(...sessions: Parameters<ReturnType<typeof createSessionTeller>>[0][]) {
  const seen: string[] = [];
  const tell = createSessionTeller({
    progress: (done, size) => void seen.push(`${done}/${size}`),
    note: (line) => void seen.push(line),
  });
  for (const session of sessions) tell(session);
  return seen;
}

const session = (received: number, toReceive: number, name = "hub") => ({
  name,
  sent: 0,
  received,
  toSend: 0,
  toReceive,
});

test("a long session is shown while it runs, and told of when it is over", () => {
  expect(told(undefined, session(0, 5_000), session(2_000, 3_000), session(5_000, 0), undefined, undefined)).toEqual([
    "0/5000",
    "2000/5000",
    "5000/5000",
    "synchronised with hub: received 5000 records, sent 0",
  ]);
});

test("one that moves little is nobody's concern, and one that follows at once is another", () => {
  expect(told(session(0, 3), session(3, 0), undefined)).toEqual([]);
  expect(told(session(300, 0, "a"), session(0, 1, "b"), undefined)).toEqual([
    "300/300",
    "synchronised with a: received 300 records, sent 0",
  ]);
  expect(told(session(300, 0), session(10, 0), undefined)).toHaveLength(2);
});
