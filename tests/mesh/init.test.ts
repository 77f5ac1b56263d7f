import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../src/store/store.ts";
import { readMembership } from "../../src/mesh/membership.ts";
import { world } from "../world.ts";

const note =
  "note: 127.0.0.1 is not in --listen; local MCP clients will need ZENOH_CONNECT pointed at one of the listed endpoints.\n";
const also = 'also: export ZENOH_BACKEND_ROCKSDB_ROOT="$HOME/.local/share/mesh-mem"';

function configOf(w: { home: string }) {
  const path = `${w.home}/.config/mesh-mem`;
  return {
    path: `${path}/zenohd.json5`,
    router: () => readFileSync(`${path}/zenohd.json5`, "utf8"),
    yaml: `${path}/config.yaml`,
  };
}

test("init --mode hub writes the router's file, makes a key and says how others join", async () => {
  using w = world();
  const config = configOf(w);
  const { out, err, exitCode } = await w.kioku(["init", "--mode", "hub", "--listen", "10.0.0.5"]);
  expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  expect(out.split("\n")).toEqual([
    `wrote ${config.path}`,
    "next: kioku-mesh mesh run",
    also,
    "made the mesh's key; for each other host: kioku-mesh mesh invite",
    "",
  ]);
  expect(config.router()).toContain('"tls/10.0.0.5:7447"');
  expect(readFileSync(config.yaml, "utf8")).toBe("backend: zenoh\n");
});

test("the README's spoke works without a key, and names the two ways to get one", async () => {
  using w = world();
  const argv = ["init", "--mode", "spoke", "--listen", "127.0.0.1", "--connect", "10.0.0.5"];
  const { out, exitCode } = await w.kioku(argv);
  expect(exitCode).toBe(0);
  expect(out).toContain("still lacks the mesh's key");
  expect(out).toContain("kioku-mesh mesh join -");
  expect(out).toContain("--open");
  expect(configOf(w).router()).toContain('"tls/10.0.0.5:7447"');
});

test("a join code is all that a spoke needs; the key of both is the same", async () => {
  using hub = world();
  using spoke = world();
  await hub.kioku(["init", "--mode", "hub", "--listen", "10.0.0.5"]);
  const code = (await hub.kioku(["mesh", "invite"])).out.trimEnd().split("\n").at(-1)!;
  const { exitCode, err } = await spoke.kioku(["init", "--mode", "spoke", "--join", "-"], { stdin: `${code}\n` });
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  expect(configOf(spoke).router()).toContain('"tls/10.0.0.5:7447"');
  const again = (await spoke.kioku(["mesh", "invite"])).out.trimEnd().split("\n").at(-1)!;
  expect(again).toBe(code); // it dials the same hub, with the same key
});

test("--force writes the file anew and keeps the key", async () => {
  using w = world();
  const init = ["init", "--mode", "hub", "--listen", "10.0.0.5"];
  await w.kioku(init);
  const code = async () => (await w.kioku(["mesh", "invite"])).out.trimEnd().split("\n").at(-1);
  const before = await code();
  const refused = await w.kioku(init);
  expect([refused.exitCode, refused.err]).toEqual([
    1,
    `error: ${configOf(w).path} already exists. Use --force to overwrite.\n`,
  ]);
  expect((await w.kioku([...init, "--force"])).out).not.toContain("made the mesh's key");
  expect(await code()).toBe(before);
});

test("init of a mesh replaces the backend in config.yaml and leaves the other lines", async () => {
  using w = world();
  await w.kioku(["init"]);
  writeFileSync(configOf(w).yaml, "# mine\nbackend: local # for now\nuser_id: me\n");
  await w.kioku(["init", "--mode", "localhost"]);
  expect(readFileSync(configOf(w).yaml, "utf8")).toBe("# mine\nbackend: zenoh\nuser_id: me\n");
});

test("--print writes nothing and shows no secret", async () => {
  using w = world();
  const { out, exitCode } = await w.kioku(["init", "--mode", "hub", "--listen", "10.0.0.5", "--print"]);
  expect(exitCode).toBe(0);
  expect(out).toContain('mode: "router"');
  expect(() => configOf(w).router()).toThrow();
});

test("an open mesh has the original's note, and plain endpoints", async () => {
  using w = world();
  const { err, exitCode } = await w.kioku(["init", "--mode", "hub", "--listen", "10.0.0.5", "--open"]);
  expect({ err, exitCode }).toEqual({ err: note, exitCode: 0 });
  expect(configOf(w).router()).toContain('"tcp/10.0.0.5:7447"');
});

describe("between an open and a sealed mesh", () => {
  const hub = ["init", "--mode", "hub", "--listen", "10.0.0.5"];
  const open = [...hub, "--open"];
  const leave = ["mesh", "leave", "--yes"];
  const inStore = <T>(w: ReturnType<typeof world>, work: (store: Store) => T): T => {
    const { context, close } = w.context();
    try {
      return work(context.store());
    } finally {
      close();
    }
  };
  const crossing = (kind: string) =>
    `error: this host belongs to ${kind} mesh\n hint: kioku-mesh mesh leave, then again\n`;

  test("nobody goes without leaving the one, whatever the command", async () => {
    using code = world();
    await code.kioku(hub);
    const stdin = `${(await code.kioku(["mesh", "invite"])).out.trimEnd().split("\n").at(-1)!}\n`;
    const roads: [string[], string, string[][]][] = [
      [
        hub,
        "a sealed",
        [
          [...open, "--force"],
          ["mesh", "start", "--open"],
          ["mesh", "join", "--open", "10.0.0.6"],
        ],
      ],
      [
        open,
        "an open",
        [
          [...hub, "--force"],
          [...hub, "--force", "--join", "-", "--merge"],
          ["mesh", "join", "--merge", "-"],
          ["mesh", "start"],
          ["mesh", "join", "10.0.0.6"],
        ],
      ],
      [open, "an open", [["init", "--mode", "spoke", "--listen", "127.0.0.1", "--connect", "10.0.0.6", "--force"]]],
    ];
    for (const [before, kind, commands] of roads) {
      using w = world();
      await w.kioku(before);
      const file = configOf(w).router();
      for (const argv of commands) {
        const { err, exitCode } = await w.kioku(argv, { stdin });
        expect([argv, exitCode, err]).toEqual([argv, 4, crossing(kind)]);
      }
      expect(configOf(w).router()).toBe(file);
      expect((await w.kioku(leave)).exitCode).toBe(0);
      expect((await w.kioku(commands[0]!)).exitCode).toBe(0);
    }
  });

  test("going open says what that means, and takes a word where the memory is of another mesh", async () => {
    using w = world();
    await w.save("a secret");
    const warning = "an open mesh: whoever reaches its endpoints can read, change and delete what is here: 1 memory\n";
    expect((await w.kioku([...open, "--print"])).out).not.toContain("whoever");
    expect((await w.kioku(open)).out).toEndWith(warning);
    await w.kioku(leave);
    inStore(w, (store) => store.setState("mesh.id", "0123456789abcdef0123456789abcdef"));
    expect((await w.kioku(open)).exitCode).toBe(4);
    expect((await w.kioku([...open, "--merge"])).out).toEndWith(warning);
  });

  test("leaving an open one takes its storage along once that was read, and names what it leaves", async () => {
    using w = world();
    const state = `${w.home}/.local/share/mesh-mem`;
    const storage = `${state}/agent_mem`;
    const damaged = `${storage}.damaged-20260102T030405Z`;
    const left = (path: string) => `${path} is left, in plain text: it was never read here to its end\n`;
    for (const path of [storage, damaged]) mkdirSync(path, { recursive: true });
    await w.kioku(open);
    expect((await w.kioku(leave)).err).toBe(left(storage) + left(damaged));
    await w.kioku(open);
    inStore(w, (store) => store.setState("mesh.read", "1"));
    const { out, err } = await w.kioku(leave);
    expect([out, err]).toEqual([expect.stringContaining(`removed ${storage}\n`), left(damaged)]);
    expect(readdirSync(state)).not.toContain("agent_mem");
  });

  test("who comes back to an open one has everything to tell", async () => {
    using w = world();
    await w.save("told before");
    await w.kioku(open);
    inStore(w, (store) => store.setState("mesh.held", "1"));
    expect(inStore(w, (store) => store.pending())).toBe(0);
    await w.kioku(leave);
    await w.kioku(open);
    expect(inStore(w, (store) => store.pending())).toBe(1);
  });

  test.each([open, ["mesh", "start", "--open"]])(
    "so has who was cut short in leaving it, and comes back by `%s`",
    async (...command) => {
      using w = world();
      await w.save("told before");
      await w.kioku(open);
      inStore(w, (store) => store.setState("mesh.id", "open"));
      inStore(w, (store) => store.setState("mesh.held", "1"));
      for (const file of [`${w.home}/.local/share/mesh-mem/mesh/membership`, configOf(w).path]) rmSync(file);
      await w.kioku(command);
      expect(readMembership(`${w.home}/.local/share/mesh-mem/mesh`)?.kind).toBe("open");
      expect(inStore(w, (store) => store.pending())).toBe(1);
    },
  );
});

test.each([
  [["--mode", "hub"], "error: --listen required for --mode hub in non-interactive use\n"],
  [
    ["--mode", "spoke", "--listen", "127.0.0.1"],
    "error: --connect required for --mode spoke (the hub endpoint to dial).\n",
  ],
  [["--mode", "localhost", "--connect", "10.0.0.5"], "error: --connect is not used with --mode localhost.\n"],
  [["--mode", "hub", "--listen", "10.0.0.5:99999"], "error: "],
  [["--mode", "hub", "--listen", "udp/10.0.0.5"], "error: "],
  [["--mode", "hub", "--listen", "10.0.0.5", "--join", "kioku1_abc"], "error: this join code is mistyped or cut off\n"],
  [["--mode", "local", "--open"], "error: --open is not used with --mode local\n"],
])("init %p is refused with status 2, and writes nothing", async (argv, message) => {
  using w = world();
  const { out, err, exitCode } = await w.kioku(["init", ...argv]);
  expect([out, exitCode]).toEqual(["", 2]);
  expect(err).toStartWith(message);
  expect(() => configOf(w).router()).toThrow();
});

test("the picker takes numbers, and a custom endpoint", async () => {
  using w = world();
  const { exitCode } = await w.kioku(["init", "--mode", "hub"], { typed: ["1"] });
  expect(exitCode).toBe(0);
  expect(configOf(w).router()).toContain('"tls/127.0.0.1:7447"');
  const wrong = await w.kioku(["init", "--mode", "hub", "--force"], { typed: ["99"] });
  expect([wrong.exitCode, wrong.err.split("\n").at(-2)]).toEqual([2, "error: selection 99 out of range"]);
});

test("a host that has no mesh says so for every command of the mesh", async () => {
  using w = world();
  for (const argv of [
    ["mesh", "run"],
    ["mesh", "invite"],
    ["mesh", "rotate-key", "--yes"],
    ["mesh", "join", "10.0.0.5"],
  ]) {
    const { exitCode, err } = await w.kioku(argv);
    expect([argv, exitCode]).toEqual([argv, 2]);
    expect(err).toContain(" hint: ");
  }
});

test("leaving takes key and configuration away and keeps the memory", async () => {
  using w = world();
  await w.save("it stays");
  await w.kioku(["init", "--mode", "hub", "--listen", "10.0.0.5"]);
  expect((await w.kioku(["mesh", "leave"])).exitCode).toBe(2);
  expect((await w.kioku(["mesh", "leave"], { typed: ["no"] })).exitCode).toBe(1);
  expect((await w.kioku(["mesh", "leave", "--yes"])).exitCode).toBe(0);
  expect((await w.kioku(["mesh", "invite"])).exitCode).toBe(2);
  expect(readFileSync(configOf(w).yaml, "utf8")).toBe("backend: local\n");
  expect((await w.kioku(["search", "stays"])).out).toContain("it stays");
});

describe("--install-systemd", () => {
  /** A machine with a systemd that answers for its user. */
  function withSystemd() {
    const w = world();
    chmodSync(w.files.file("bin/systemctl", "#!/bin/sh\nexit 0\n"), 0o755);
    const env = { PATH: join(w.home, "bin") };
    const unit = `${w.home}/.config/systemd/user/mesh-mem-zenohd.service`;
    return Object.assign(w, {
      unit,
      init: (...argv: string[]) => w.kioku(["init", "--install-systemd", ...argv], { env }),
    });
  }

  test("without a mode on a fresh machine is a mesh of one, and says how to enable and keep it", async () => {
    using w = withSystemd();
    const { out, err, exitCode } = await w.init();
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
    expect(out.split("\n")).toEqual([
      `wrote ${configOf(w).path}`,
      `wrote ${w.unit}`,
      "enable: systemctl --user daemon-reload && systemctl --user enable --now mesh-mem-zenohd",
      "after logout too: loginctl enable-linger",
      "made the mesh's key; for each other host: kioku-mesh mesh invite",
      "",
    ]);
    expect(readFileSync(w.unit, "utf8")).toContain('ExecStart="/opt/kioku-mesh" mesh run\n');
    expect((await w.init()).err).toBe(`error: ${w.unit} already exists. Use --force to overwrite.\n`);
  });

  test("without a mode on a spoke that lacks a key leaves its file as it is, and makes none", async () => {
    using w = withSystemd();
    await w.kioku(["init", "--mode", "spoke", "--listen", "127.0.0.1", "--connect", "10.0.0.5"]);
    const before = configOf(w).router();
    const { out, exitCode } = await w.init();
    expect(exitCode).toBe(0);
    expect(out).toContain(`using existing config ${configOf(w).path} (unchanged)\n`);
    expect(out).toContain("still lacks the mesh's key");
    expect(configOf(w).router()).toBe(before);
    expect((await w.kioku(["mesh", "invite"])).exitCode).toBe(2);
  });

  test("without a mode in an open mesh leaves it open", async () => {
    using w = withSystemd();
    await w.kioku(["init", "--mode", "hub", "--listen", "127.0.0.1", "--open"]);
    expect((await w.init()).out).not.toContain("key");
    expect((await w.kioku(["mesh", "invite"])).err).toContain("an open mesh has no key");
  });

  test("with --print shows file and unit, and writes neither", async () => {
    using w = withSystemd();
    const { out } = await w.init("--mode", "hub", "--listen", "10.0.0.5", "--print");
    expect(out).toMatch(
      /^\/\/ Generated by .*\n[^]*\n\n# --- systemd unit \(.*\) ---\n\n# Generated by[^]*\[Install\]/,
    );
    expect([existsSync(w.unit), existsSync(configOf(w).path)]).toEqual([false, false]);
  });

  test("where there is no systemd is refused with the reason, and leaving names the service that is still there", async () => {
    using w = withSystemd();
    const refused = await w.kioku(["init", "--install-systemd"]);
    expect([refused.exitCode, refused.err.split("\n")[0]]).toEqual([
      2,
      "error: --install-systemd is not supported here. systemctl is not on PATH.",
    ]);
    await w.init();
    const { out } = await w.kioku(["mesh", "leave", "--yes"]);
    expect(out).toContain("its service is still installed: systemctl --user disable --now mesh-mem-zenohd\n");
  });
});

describe("doctor of a host of a mesh", () => {
  const listener = () => Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const found = async (w: ReturnType<typeof world>, name: string) =>
    (await w.kioku(["doctor"])).out.split("\n").find((line) => line.includes(` ${name} — `));

  test("warns where a hub is silent and another answers, and fails where none does", async () => {
    using w = world();
    await w.save("one");
    const hub = listener();
    const dial = (...hubs: string[]) =>
      w.kioku(["init", "--mode", "spoke", "--open", "--force", "--listen", "127.0.0.1:1", ...hubs]);
    await dial("--connect", `127.0.0.1:${hub.port}`, "--connect", "127.0.0.1:2");
    expect(await found(w, "hubs")).toStartWith("[WARN]");
    hub.stop(true);
    expect(await found(w, "hubs")).toStartWith("[FAIL]");
  });

  test("names who holds the port that others should dial", async () => {
    using w = world();
    await w.save("one");
    const other = listener();
    await w.kioku(["init", "--mode", "hub", "--listen", `127.0.0.1:${other.port}`]);
    expect(await found(w, "ports")).toStartWith(`[FAIL] ports — tls/127.0.0.1:${other.port} is held by `);
    other.stop(true);
    expect(await found(w, "ports")).toBe("[PASS] ports — free");
  });
});

test("--out writes the router's file somewhere else", async () => {
  using w = world();
  const path = join(w.home, "elsewhere", "zenohd.json5");
  const argv = ["init", "--mode", "hub", "--listen", "10.0.0.5", "--out", path];
  expect((await w.kioku(argv)).out).toStartWith(`wrote ${path}\n`);
  expect(readFileSync(path, "utf8")).toContain('"tls/10.0.0.5:7447"');
});

describe("a host of one mesh", () => {
  /** A host with a memory and a key of its own, and the code of another mesh. */
  async function twoMeshes() {
    const [w, other] = [world(), world()];
    await w.save("mine alone");
    for (const one of [w, other]) await one.kioku(["init", "--mode", "hub", "--listen", "10.0.0.5"]);
    const codeOf = async (one: typeof w) => (await one.kioku(["mesh", "invite"])).out.trimEnd().split("\n").at(-1)!;
    const [own, code] = [await codeOf(w), await codeOf(other)];
    return {
      w,
      own,
      code,
      codeNow: () => codeOf(w),
      [Symbol.dispose]: () => [w, other].forEach((one) => one[Symbol.dispose]()),
    };
  }

  test.each([[["mesh", "join", "-"]], [["init", "--mode", "spoke", "--force", "--join", "-"]]])(
    "%p joins another only with --merge, and keeps its key until then",
    async (argv) => {
      using m = await twoMeshes();
      const refused = await m.w.kioku(argv, { stdin: m.code });
      expect([refused.exitCode, refused.out]).toEqual([4, ""]);
      expect(refused.err).toContain("part of another mesh");
      expect(refused.err).toContain("hint: --merge");
      expect(await m.codeNow()).toBe(m.own);
      const { out, err, exitCode } = await m.w.kioku([...argv, "--merge"], { stdin: m.code });
      expect([exitCode, (out + err).includes("1 memory")]).toEqual([0, true]);
      expect((await m.codeNow()).slice(0, 50)).toBe(m.code.slice(0, 50));
    },
  );

  test("a relay's code makes it a relay, which cannot invite", async () => {
    using m = await twoMeshes();
    const { out: invited } = await m.w.kioku(["mesh", "invite", "--relay", "--address", "10.0.0.9:7447"]);
    using relay = world();
    const stdin = invited.trimEnd().split("\n").at(-1)!;
    const { out } = await relay.kioku(["init", "--mode", "hub", "--join", "-"], { stdin });
    expect(out).toContain("joined as a relay: it carries the mesh and cannot read it");
    expect((await relay.kioku(["mesh", "invite"])).err).toContain("a relay has no key of the mesh");
  });

  test("a damaged key keeps nobody from joining again or leaving", async () => {
    using m = await twoMeshes();
    writeFileSync(join(m.w.home, ".local/share/mesh-mem/mesh/membership"), "kioku1_xyz\n");
    expect((await m.w.kioku(["mesh", "invite"])).err).toContain("the mesh's key is damaged");
    expect((await m.w.kioku(["mesh", "join", "-"], { stdin: m.own })).exitCode).toBe(0);
    expect(await m.codeNow()).toBe(m.own);
  });
});

test("leaving takes the storage away from where ZENOH_BACKEND_ROCKSDB_ROOT has put it", async () => {
  using w = world();
  await w.kioku(["init", "--mode", "hub", "--listen", "10.0.0.5"]);
  const root = w.files.directory("rocks");
  const { meshId } = readMembership(join(w.home, ".local/share/mesh-mem/mesh"))!;
  w.files.file(`rocks/kioku_${meshId}/CURRENT`);
  w.files.file("rocks/of-another-program/CURRENT");
  const { out } = await w.kioku(["mesh", "leave", "--yes"], { env: { ZENOH_BACKEND_ROCKSDB_ROOT: root } });
  expect(out).toContain(`removed ${join(root, `kioku_${meshId}`)}\n`);
  expect(readdirSync(root)).toEqual(["of-another-program"]);
});
