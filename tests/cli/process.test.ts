/** What only a process shows: streams, terminals, signals, several at once. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { testWith } from "../needs.ts";
import { program, ran, shell, start } from "../program.ts";
import { temporary } from "../temporary.ts";

/** A machine: its home, and the environment that says so. */
function machine() {
  const files = temporary();
  return { ...files, env: { HOME: files.path } };
}

test("the original's first session", async () => {
  using m = machine();
  const init = await ran(["init", "--mode", "local"], m);
  expect(init).toEqual({
    out: `wrote ${m.path}/.config/mesh-mem/config.yaml\nlocal backend ready — no zenohd required.\nnext: kioku-mesh save "hello local"\n`,
    err: "",
    exitCode: 0,
  });
  const saved = await ran(["save", "hello local", "-p", "demo"], m);
  expect(saved).toEqual({ out: expect.stringMatching(/^saved: [0-9a-f]{32}\n$/), err: "", exitCode: 0 });
  const id = saved.out.slice("saved: ".length).trim();
  const { out } = await ran(["search", "hello"], m);
  expect(out).toMatch(/^\[note\]\[2\] \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d \(demo\)\nhello local <id=[0-9a-f]{32}>\n$/);
  expect(out).toContain(id);
  expect(await ran(["save"], m)).toEqual({
    out: "",
    err: "error: the argument CONTENT is missing\n hint: see: kioku-mesh save --help\n",
    exitCode: 2,
  });
});

testWith("bash")("a reader that has seen enough is no failure", async () => {
  using m = machine();
  await ran(["save", "-"], { ...m, stdin: Buffer.from("x".repeat(500_000)) });
  const { out, err } = await shell("$KIOKU search --json | head -c 10; echo; echo ${PIPESTATUS[0]}", m);
  expect([out, err]).toEqual(['{"count": \n0\n', ""]);
});

testWith("bash")("every byte of a long answer reaches a slow reader", async () => {
  using m = machine();
  await ran(["save", "-"], { ...m, stdin: Buffer.from("y".repeat(500_000)) });
  const { out } = await shell("$KIOKU search --json | (sleep 0.2; tr -cd y | wc -c)", m);
  expect(Number(out)).toBeGreaterThanOrEqual(500_000);
});

testWith("bash")("an answer that cannot be written is a failure, and the work is done", async () => {
  using m = machine();
  const { err, out } = await shell("$KIOKU save kept >/dev/full; echo $?", m);
  expect([err, out]).toEqual([
    "error: the answer cannot be written to standard output (ENOSPC)\n hint: the command itself has been carried out\n",
    "5\n",
  ]);
  expect((await ran(["search"], m)).out).toContain("kept");
});

testWith("bash")("with every stream closed a save is still a save", async () => {
  using m = machine();
  expect((await shell("$KIOKU save kept <&- >&- 2>&-; echo $?", m)).out).toBe("0\n");
  expect((await shell("$KIOKU nonsense 2>/dev/full; echo $?", m)).out).toBe("2\n");
  expect((await ran(["search"], m)).out).toContain("kept");
});

test("a standard input that stays open is not waited for", async () => {
  using m = machine();
  const started = Bun.spawn([...program, "save", "kept"], {
    env: { PATH: process.env.PATH ?? "", ...m.env },
    stdin: "pipe",
    stdout: "pipe",
  });
  expect(await started.exited).toBe(0);
  await started.stdin.end();
});

testWith("bash")("standard input that never ends is read to the limit and refused", async () => {
  using m = machine();
  const { err, exitCode } = await shell("$KIOKU save - < /dev/zero", m);
  expect([err.split("\n")[0], exitCode]).toEqual([
    "error: standard input is over the limit of 1048576 bytes (1 MiB)",
    2,
  ]);
  const broken = await ran(["save", "-"], { ...m, stdin: Uint8Array.of(0x61, 0xff) });
  expect(broken.err).toStartWith("error: standard input is no valid UTF-8: the first wrong byte is byte 2\n");
});

test("without HOME the two directories can be named", async () => {
  using m = machine();
  const env = { KIOKU_MESH_STATE_DIR: m.at("state"), XDG_CONFIG_HOME: m.at("config") };
  expect((await ran(["save", "kept"], { env })).exitCode).toBe(0);
  expect(readdirSync(m.at("state")).toSorted()).toEqual(["memory.db", "pc_id"]);
});

test("a dozen first saves at once all succeed, on one host id", async () => {
  using m = machine();
  const all = Array.from({ length: 12 }, (_, i) => start(["save", `at once ${i}`], m));
  expect(await Promise.all(all.map(({ exited }) => exited))).toEqual(all.map(() => 0));
  const { hosts, live } = JSON.parse((await ran(["status", "--json"], m)).out);
  expect([live, Object.values(hosts)]).toEqual([12, [12]]);
}, 60_000);

test("no colour, whatever the environment says", async () => {
  using m = machine();
  const environments: { [name: string]: string }[] = [
    {},
    { NO_COLOR: "1" },
    { FORCE_COLOR: "3", TERM: "xterm-256color" },
  ];
  for (const more of environments) {
    const env = { ...m.env, ...more };
    const texts = await Promise.all([ran(["--help"], { env }), ran(["frob"], { env }), ran(["doctor"], { env })]);
    for (const { out, err } of texts) expect(out + err).not.toContain("\u001b");
  }
});

describe("at a terminal", () => {
  /** Types into the program at a terminal of its own; gives what the terminal showed and the status. */
  async function typed(m: ReturnType<typeof machine>, argv: string, keys: string, more = {}) {
    const line = `exec ${program.join(" ")} ${argv}`;
    const started = Bun.spawn(["script", "-qec", line, "/dev/null"], {
      env: { PATH: process.env.PATH ?? "", ...m.env, ...more },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    let shown = "";
    let sent = false;
    const decoder = new TextDecoder();
    for await (const bytes of started.stdout) {
      shown += decoder.decode(bytes, { stream: true });
      if (sent || !shown.includes("to confirm: ")) continue;
      sent = true;
      started.stdin.write(keys);
      await started.stdin.flush();
    }
    const exitCode = await started.exited;
    return { shown: shown.replaceAll("\r", ""), exitCode };
  }

  const scripted = testWith("script");
  const hintLines = "hint: rows visible";

  scripted("yes deletes", async () => {
    using m = machine();
    await ran(["save", "x", "-p", "demo"], m);
    const { shown, exitCode } = await typed(m, "delete -p demo", "yes\n");
    expect([shown.includes("deleted (tombstone): 1 entries"), shown.includes(hintLines), exitCode]).toEqual([
      true,
      true,
      0,
    ]);
  });

  for (const [name, keys] of [
    ["another word", "nope\n"],
    ["the end of input", "\u0004"],
    ["an interrupt", "\u0003"],
  ] as const) {
    scripted(`${name} cancels, and nothing is deleted`, async () => {
      using m = machine();
      await ran(["save", "x", "-p", "demo"], m);
      const { shown, exitCode } = await typed(m, "delete -p demo", keys);
      expect([shown.endsWith("\ncancelled.\n"), exitCode]).toEqual([true, 1]);
      expect((await ran(["search"], m)).out).toContain("x <id=");
    });
  }

  scripted("there is no colour either", async () => {
    using m = machine();
    for (const more of [{ NO_COLOR: "1" }, { TERM: "xterm-256color" }]) {
      expect((await typed(m, "doctor", "", more)).shown).not.toContain("\u001b");
    }
  });
});
