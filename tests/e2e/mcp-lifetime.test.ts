import { expect, test } from "bun:test";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { temporary } from "../temporary.ts";
import { call, initialize, openSession, program, survivors } from "./mcp-session.ts";

type Session = ReturnType<typeof openSession>;
const save = (id: number) => call(id, "save_observation", { content: `memory ${id}` });

test("calls in flight at the end of input are finished and answered", async () => {
  using files = temporary();
  await using session = openSession(files.path);
  session.send(initialize, ...Array.from({ length: 200 }, (_, i) => save(i)));
  await session.hangUp();
  const answers = await session.remaining();
  expect(await session.server.exited).toBe(0);
  expect(answers).toHaveLength(201);
  expect(answers.filter((line) => line.includes('"saved: '))).toHaveLength(200);
});

test("an answer longer than a pipe holds is complete, though the client hangs up before it reads", async () => {
  using files = temporary();
  await using session = openSession(files.path);
  await session.ask(initialize);
  const id = JSON.stringify(await session.ask(call(1, "save_observation", { content: "x".repeat(900_000) }))).match(
    /[0-9a-f]{32}/,
  )![0];
  session.send(call(2, "get_memory", { observation_id: id, budget_bytes: 1_000_000 }));
  await session.hangUp();
  await Bun.sleep(200); // the pipe is full long before
  const [answer] = await session.remaining();
  expect(Buffer.byteLength(answer!)).toBeGreaterThan(900_000);
  expect(JSON.parse(answer!)).toHaveProperty("id", 2);
});

const ways: { [way: string]: { leave(session: Session): unknown; status?: number } } = {
  "end of input": { leave: (session) => session.hangUp(), status: 0 },
  "end of input, with a call in flight": {
    leave(session) {
      session.send(save(1));
      return session.hangUp();
    },
    status: 0,
  },
  "end of input in the middle of a line": {
    leave(session) {
      session.send(Buffer.from('{"jsonrpc":"2.0","id":1,"meth'));
      return session.hangUp();
    },
    status: 0,
  },
  "closed output": {
    async leave(session) {
      await session.stopReading();
      // It learns of this by an answer that nobody takes; the first may still find the pipe open.
      for (let id = 1; id <= 50 && (await survivors([session.pid], 100)).length > 0; id++) session.send(save(id));
    },
    status: 0,
  },
  SIGTERM: { leave: (session) => session.server.kill("SIGTERM"), status: 143 },
  SIGINT: { leave: (session) => session.server.kill("SIGINT"), status: 130 },
  SIGHUP: { leave: (session) => session.server.kill("SIGHUP"), status: 129 },
  "SIGTERM, with a call in flight": {
    leave(session) {
      session.send(save(1));
      session.server.kill("SIGTERM");
    },
    status: 143,
  },
  SIGKILL: { leave: (session) => session.server.kill("SIGKILL") },
};

test("50 sessions opened and ended in every way leave no process", async () => {
  using files = temporary();
  const pids: number[] = [];
  const names = Array.from({ length: 50 }, (_, i) => Object.keys(ways)[i % Object.keys(ways).length]!);
  for (let first = 0; first < names.length; first += 10) {
    const batch = names.slice(first, first + 10).map(async (name, i) => {
      await using session = openSession(files.path);
      pids.push(session.pid);
      const age = Math.floor((first + i) / Object.keys(ways).length) % 3; // left at once, after a greeting, after work
      if (age > 0) await session.ask(initialize);
      if (age > 1) await session.ask(save(0));
      await ways[name]!.leave(session);
      const left = await survivors([session.pid], 20_000);
      expect({ name, left }).toEqual({ name, left: [] });
      const { status } = ways[name]!;
      // A signal before it has begun to listen ends it as well, but the other way.
      if (status !== undefined && age > 0)
        expect({ name, status: await session.server.exited }).toEqual({ name, status });
    });
    await Promise.all(batch);
  }
  expect(pids).toHaveLength(50);
  expect(await survivors(pids, 0)).toEqual([]);
}, 120_000);

test("it leaves when its parent has died, though something else keeps its input open", async () => {
  using files = temporary();
  const fifo = files.at("input");
  Bun.spawnSync(["mkfifo", fifo]);
  const launcher = Bun.spawn(["sh", "-c", '"$@" < "$INPUT" & echo $!; wait', "sh", ...program, "mcp", "serve"], {
    env: { ...process.env, KIOKU_MESH_STATE_DIR: files.path, INPUT: fifo },
    stdout: "pipe",
  });
  const input = createWriteStream(fifo);
  await once(input, "open");
  input.write(`${JSON.stringify(initialize)}\n`);
  const output = launcher.stdout.getReader();
  let said = "";
  while (!said.includes("serverInfo")) said += Buffer.from((await output.read()).value!).toString();
  const pid = Number(said.split("\n")[0]);
  try {
    expect(await survivors([pid], 3_000)).toEqual([pid]); // while the parent lives, it stays
    launcher.kill("SIGKILL");
    expect(await survivors([pid], 20_000)).toEqual([]);
  } finally {
    launcher.kill("SIGKILL");
    input.destroy();
    if ((await survivors([pid], 0)).length > 0) process.kill(pid, "SIGKILL");
  }
}, 60_000);
