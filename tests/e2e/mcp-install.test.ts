import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, hostTarget } from "../../build/compile.ts";
import { version } from "../../package.json";
import { world } from "../world.ts";

const built = mkdtempSync(join(tmpdir(), "kioku-built-"));
let binary: string;

beforeAll(async () => {
  binary = await compile(hostTarget(), built);
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** A machine on which kioku-mesh is installed, and the agents have a configuration but no program. */
function machine({ codex, claude }: { codex?: string | null; claude?: string | null } = {}) {
  const w = world();
  const bin = w.files.directory("bin");
  const server = join(bin, "kioku-mesh-mcp");
  symlinkSync(binary, server);
  if (codex !== undefined) w.files.directory(".codex");
  if (claude !== undefined) w.files.directory(".claude");
  const configs = { codex: join(w.home, ".codex/config.toml"), claude: join(w.home, ".claude.json") };
  if (codex) writeFileSync(configs.codex, codex);
  if (claude) writeFileSync(configs.claude, claude);
  const mcp = (line: string, options: Parameters<typeof w.kioku>[1] = {}) =>
    w.kioku(["mcp", ...line.split(" ")], { ...options, env: { PATH: bin, ...options.env } });
  return {
    ...w,
    bin,
    server,
    configs,
    mcp,
    read: (agent: keyof typeof configs) =>
      existsSync(configs[agent]) ? readFileSync(configs[agent], "utf8") : undefined,
  };
}

function replace(path: string, script: string): void {
  rmSync(path);
  writeFileSync(path, script, { mode: 0o755 });
}

const proved = (client: string) => `proved: kioku-mesh ${version} saved, found and deleted a memory as ${client}\n`;
const block = (server: string, family = "codex", client = "codex-cli") =>
  `# Added by \`kioku-mesh mcp install --client codex-cli\`. Re-run with --force to update.
[mcp_servers.mesh_mem]
command = "${server}"

[mcp_servers.mesh_mem.env]
KIOKU_MESH_AGENT_FAMILY = "${family}"
KIOKU_MESH_CLIENT_ID = "${client}"
`;

describe("mcp install --client codex-cli", () => {
  test("writes the entry behind what is there, and proves it by a round trip", async () => {
    using m = machine({ codex: 'model = "m" # mine\n' });
    expect(await m.mcp("install --client codex-cli")).toEqual({
      out: `wrote mcp_servers.mesh_mem to ${m.configs.codex}\n${proved("codex-cli")}`,
      err: "",
      exitCode: 0,
    });
    expect(m.read("codex")).toBe(`model = "m" # mine\n\n${block(m.server)}`);
    expect(readdirSync(m.home).toSorted()).toEqual([".codex", "bin"]); // no memory of ours came of the proof
  });

  test("refuses a second entry of one name, in the original's words, unless forced", async () => {
    using m = machine({ codex: '[mcp_servers]\nmesh_mem = { command = "x" } # mine\n' });
    expect(await m.mcp("install --client codex-cli")).toEqual({
      out: "",
      err: `error: mcp_servers.mesh_mem already exists in ${m.configs.codex}. Use --force to overwrite.\n`,
      exitCode: 1,
    });
    expect(m.read("codex")).toBe('[mcp_servers]\nmesh_mem = { command = "x" } # mine\n');
    expect((await m.mcp("install --client codex-cli --force")).exitCode).toBe(0);
    expect(m.read("codex")).toBe(
      `[mcp_servers]\nmesh_mem = { command = "${m.server}", env = { KIOKU_MESH_AGENT_FAMILY = "codex", KIOKU_MESH_CLIENT_ID = "codex-cli" } } # mine\n`,
    );
  });

  test("shows what it would write with --dry-run, and writes nothing", async () => {
    using m = machine({ codex: null });
    const { out, exitCode } = await m.mcp("install --client codex-cli --dry-run");
    expect({ out, exitCode }).toEqual({ out: `# would write to ${m.configs.codex}\n${block(m.server)}`, exitCode: 0 });
    expect(readdirSync(join(m.home, ".codex"))).toEqual([]);
  });

  test("takes a name and variables, and CODEX_HOME", async () => {
    using m = machine();
    const home = m.files.directory("elsewhere");
    const { exitCode } = await m.mcp("install --client codex-cli --name memory -e A=b=c -e KIOKU_MESH_CLIENT_ID=x", {
      env: { CODEX_HOME: home },
    });
    expect(exitCode).toBe(0);
    expect(readFileSync(join(home, "config.toml"), "utf8")).toBe(
      `${block(m.server, "codex", "x").replaceAll("mesh_mem", "memory")}A = "b=c"\n`,
    );
  });

  test("does not touch a file that it cannot read as TOML", async () => {
    using m = machine({ codex: "model = \n" });
    const { err, exitCode } = await m.mcp("install --client codex-cli");
    expect({ err, exitCode }).toEqual({ err: expect.stringContaining("config.toml is no valid TOML"), exitCode: 1 });
    expect(m.read("codex")).toBe("model = \n");
  });

  test("says which server does not work, how to undo it, and exits 1", async () => {
    using m = machine({ codex: null });
    replace(m.server, "#!/bin/sh\necho cannot find my library >&2\nexit 127\n");
    const { out, exitCode } = await m.mcp("install --client codex-cli");
    expect(out).toContain("error: the server does not work as registered");
    expect(out).toContain("cannot find my library");
    expect(out).toContain("undo: kioku-mesh mcp uninstall --client codex-cli\n");
    expect(exitCode).toBe(1);
  });
});

describe("mcp install --client claude-code, where only its configuration is here", () => {
  test("edits the file as text", async () => {
    using m = machine({ claude: '{\n    "zz": 12345678901234567890,\n    "1": {}\n}\n' });
    expect(await m.mcp("install --client claude-code")).toEqual({
      out: `registered mesh_mem with Claude Code in ${m.configs.claude}\n${proved("claude-code")}`,
      err: "",
      exitCode: 0,
    });
    expect(m.read("claude")).toStartWith('{\n    "zz": 12345678901234567890,\n    "1": {},\n    "mcpServers": {\n');
    expect(JSON.parse(m.read("claude")!).mcpServers).toEqual({
      mesh_mem: {
        type: "stdio",
        command: m.server,
        args: [],
        env: { KIOKU_MESH_AGENT_FAMILY: "claude", KIOKU_MESH_CLIENT_ID: "claude-code" },
      },
    });
    expect((await m.mcp("install --client claude-code")).err).toBe(
      "error: 'mesh_mem' is already registered with Claude Code. Use --force to overwrite.\n",
    );
  });

  test("an entry whose name only ends like ours is no obstacle", async () => {
    using m = machine({ claude: '{"mcpServers": {"other_mesh_mem": {"command": "x"}}}' });
    expect((await m.mcp("install --client claude-code")).exitCode).toBe(0);
  });

  test("finds the file as Claude Code does", async () => {
    using m = machine({ claude: null });
    const env = { CLAUDE_CONFIG_DIR: m.files.directory("work") };
    await m.mcp("install --client claude-code", { env });
    expect(readdirSync(join(m.home, "work"))).toEqual([".claude.json"]);
    writeFileSync(join(m.home, ".claude/.config.json"), "{}");
    await m.mcp("install --client claude-code");
    expect(readFileSync(join(m.home, ".claude/.config.json"), "utf8")).toContain("mesh_mem");
  });
});

describe("mcp install for the agents that are found", () => {
  test("registers with all of them where nobody can be asked, and once only", async () => {
    using m = machine({ codex: null, claude: null });
    const { out, exitCode } = await m.mcp("install");
    expect({ out, exitCode }).toEqual({
      out: `registered mesh_mem with Claude Code in ${m.configs.claude}\n${proved("claude-code")}wrote mcp_servers.mesh_mem to ${m.configs.codex}\n${proved("codex-cli")}`,
      exitCode: 0,
    });
    const before = [m.read("claude"), m.read("codex")];
    expect(await m.mcp("install")).toEqual({
      out: `mesh_mem is already registered with Claude Code\n${proved("claude-code")}mesh_mem is already registered with Codex CLI\n${proved("codex-cli")}`,
      err: "",
      exitCode: 0,
    });
    expect([m.read("claude"), m.read("codex")]).toEqual(before);
  });

  test("asks a person for each, and says where it would write", async () => {
    using m = machine({ codex: null, claude: null });
    const { out, exitCode } = await m.mcp("install", { typed: ["no", "yes"] });
    expect(out).toContain(`Register mesh_mem with Claude Code in ${m.configs.claude}? type 'yes' to confirm: `);
    expect(out).toContain("Claude Code: left as it is\n");
    expect(exitCode).toBe(0);
    expect(m.read("claude")).toBeUndefined();
    expect(m.read("codex")).toContain("mesh_mem");
  });

  test("goes on where one cannot be edited, and says so by its exit status", async () => {
    using m = machine({ codex: null, claude: "{ broken" });
    const { out, exitCode } = await m.mcp("install");
    expect(out).toContain("error: Claude Code: ");
    expect(out).toContain(`wrote mcp_servers.mesh_mem to ${m.configs.codex}`);
    expect({ exitCode, claude: m.read("claude") }).toEqual({ exitCode: 1, claude: "{ broken" });
  });

  test("does not take over a name that another program has", async () => {
    using m = machine({ codex: '[mcp_servers.mesh_mem]\nurl = "http://127.0.0.1:1"\n' });
    const { out, exitCode } = await m.mcp("install");
    expect({ out, exitCode }).toEqual({ out: expect.stringContaining("already exists"), exitCode: 1 });
  });

  test("says so where there is none, or where it is not itself on PATH", async () => {
    using m = machine();
    expect(await m.mcp("install")).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("neither Claude Code nor"),
    });
    expect(await m.mcp("install --client codex-cli")).toMatchObject({ exitCode: 2 });
    expect(await m.mcp("install --client codex-cli --dry-run", { env: { PATH: "/nowhere" } })).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^error: kioku-mesh-mcp not on PATH\./),
    });
  });

  test("registers the link as it stands on PATH, or the program where there is no link; not what is in a relative folder", async () => {
    using m = machine({ codex: null });
    symlinkSync(binary, join(m.bin, "kioku-mesh"));
    mkdirSync(join(m.home, "links"));
    symlinkSync(binary, join(m.home, "links/kioku-mesh-mcp"));
    const installed = async (PATH: string) => {
      const ran = await m.mcp("install --client codex-cli --force", { env: { PATH }, directory: m.home });
      expect(ran).toMatchObject({ exitCode: 0 });
      return /^command = .*\n(args = .*\n)?/m.exec(m.read("codex")!)![0];
    };
    expect(await installed(`bin:${m.home}/links:${m.bin}`)).toBe(`command = "${m.home}/links/kioku-mesh-mcp"\n`);
    rmSync(m.server);
    expect(await installed(m.bin)).toBe(`command = "${m.bin}/kioku-mesh"\nargs = ["mcp", "serve"]\n`);
  });
});

test("refuses a name or a variable that is none", async () => {
  using m = machine({ codex: null });
  expect(await m.mcp("install --name a.b")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("--name may have"),
  });
  for (const pair of ["A", "=b"]) {
    expect(await m.mcp(`install -e ${pair}`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^error: --env /),
    });
  }
});

describe("mcp install --repair", () => {
  test("points stale entries to this program, renames old variables, removes duplicates, and leaves the rest", async () => {
    using m = machine({
      codex: `# top\n[mcp_servers.mesh_mem]\ncommand = "/gone/kioku-mesh-mcp" # c\nstartup_timeout_sec = 30\n[mcp_servers.mesh_mem.env]\nMESH_MEM_AGENT_FAMILY = "codex"\nKEEP = "k"\n\n[mcp_servers.kioku_mesh]\ncommand = "kioku-mesh-mcp"\n\n[mcp_servers.other]\ncommand = "x"\n`,
    });
    const { out, err, exitCode } = await m.mcp("install --repair");
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
    expect(out).toContain(
      `repaired identity env for and re-pointed to ${m.server} 'mesh_mem' in ${m.configs.codex} (user scope); previous file kept at `,
    );
    expect(out).toContain("removed 'kioku_mesh'");
    expect(out).toContain(proved("codex-cli"));
    expect(m.read("codex")).toBe(
      `# top\n[mcp_servers.mesh_mem]\ncommand = "${m.server}" # c\nstartup_timeout_sec = 30\n[mcp_servers.mesh_mem.env]\nKIOKU_MESH_AGENT_FAMILY = "codex"\nKEEP = "k"\n\n[mcp_servers.other]\ncommand = "x"\n`,
    );
    expect((await m.mcp("install --repair")).out).toBe(
      `'mesh_mem' in ${m.configs.codex}: nothing to repair.\n${proved("codex-cli")}`,
    );
  });

  test("leaves a second of a kind, that speaks under a name of its own", async () => {
    using m = machine({ codex: null });
    await m.mcp("install --client codex-cli");
    const { err } = await m.mcp("install --client codex-cli --name mesh_mem_review -e KIOKU_MESH_CLIENT_ID=reviewer");
    expect(err).toBe("");
    const before = m.read("codex");
    await m.mcp("install --repair");
    expect(m.read("codex")).toBe(before);
  });

  test("with --dry-run says what it would do, and does nothing", async () => {
    const codex = '[mcp_servers.mesh_mem]\ncommand = "/gone/kioku-mesh-mcp"\n';
    using m = machine({ codex });
    const { out } = await m.mcp("install --repair --dry-run");
    expect(out).toBe(`# would have re-pointed to ${m.server} 'mesh_mem' in ${m.configs.codex} (user scope)\n`);
    expect(m.read("codex")).toBe(codex);
  });

  test("repairs the entries of this directory too, but points no repository's file to this machine", async () => {
    using m = machine({ claude: null });
    const repo = m.files.directory("repo");
    const stale = { command: "/gone/kioku-mesh-mcp", env: { MESH_MEM_CLIENT_ID: "c" } };
    const user = { command: m.server, env: { KIOKU_MESH_CLIENT_ID: "c" } };
    writeFileSync(
      m.configs.claude,
      JSON.stringify({ mcpServers: { mesh_mem: stale }, projects: { [repo]: { mcpServers: { mesh_mem: stale } } } }),
    );
    writeFileSync(join(repo, ".mcp.json"), JSON.stringify({ mcpServers: { mesh_mem: stale } }));
    const { exitCode } = await m.mcp("install --repair", { directory: m.files.directory("repo", "sub") });
    expect(exitCode).toBe(0);
    expect(JSON.parse(m.read("claude")!)).toEqual({
      mcpServers: { mesh_mem: { ...stale, ...user } },
      projects: { [repo]: { mcpServers: {} } }, // it said the same as the user's own
    });
    await m.mcp("install --repair", { directory: repo });
    expect(JSON.parse(readFileSync(join(repo, ".mcp.json"), "utf8")).mcpServers.mesh_mem).toEqual({
      command: "/gone/kioku-mesh-mcp",
      env: { KIOKU_MESH_CLIENT_ID: "c" },
    });
  });

  test("says which name it is registered under where it is not this one", async () => {
    using m = machine({ codex: '[mcp_servers.kioku_mesh]\ncommand = "kioku-mesh-mcp"\n' });
    expect(await m.mcp("install --repair --client codex-cli")).toEqual({
      out: "",
      err: "error: 'mesh_mem' is not registered with Codex CLI\n hint: 'kioku_mesh' starts the server: --name kioku_mesh\n",
      exitCode: 1,
    });
  });
});

describe("mcp install --hooks", () => {
  const hooks = (m: ReturnType<typeof machine>) => ({
    claude: join(m.home, ".claude/settings.json"),
    codex: join(m.home, ".codex/hooks.json"),
  });

  test("has a session's start print what is remembered, in the words that the agents run", async () => {
    using m = machine({ codex: null, claude: null });
    symlinkSync(binary, join(m.bin, "kioku-mesh"));
    writeFileSync(hooks(m).claude, '{ "model": "opus" }\n');
    const { out, exitCode } = await m.mcp("install --hooks");
    expect(exitCode).toBe(0);
    expect(out).toContain(`wrote the session-start hook to ${hooks(m).claude}\n`);
    expect(out).toContain(
      `wrote the session-start hook to ${hooks(m).codex}; Codex runs it once you trust it: /hooks\n`,
    );
    m.files.directory("demo", ".git");
    await m.save("remembered", "-p", "demo");
    for (const file of Object.values(hooks(m))) {
      const [
        {
          hooks: [hook],
        },
      ] = JSON.parse(readFileSync(file, "utf8")).hooks.SessionStart;
      expect(hook).toEqual({ type: "command", command: `${m.bin}/kioku-mesh hook session-start`, timeout: 10 });
      const event = JSON.stringify({ hook_event_name: "SessionStart", source: "startup", cwd: join(m.home, "demo") });
      const ran = Bun.spawnSync(["sh", "-c", hook.command], {
        env: { HOME: m.home },
        cwd: "/",
        stdin: Buffer.from(event),
      });
      expect(JSON.parse(ran.stdout.toString()).hookSpecificOutput.additionalContext).toContain("remembered");
    }
  });

  test("joins a server that is registered already, and goes with it", async () => {
    using m = machine({ codex: null, claude: null });
    symlinkSync(binary, join(m.bin, "kioku-mesh"));
    await m.mcp("install");
    expect(await m.mcp("install --client claude-code --hooks")).toMatchObject({ err: "", exitCode: 0 });
    expect(existsSync(hooks(m).codex)).toBe(false);
    const { out } = await m.mcp("uninstall");
    expect(out).toContain(`removed the session-start hook from ${hooks(m).claude}\n`);
    expect([existsSync(hooks(m).claude), m.read("claude")]).toEqual([false, undefined]);
  });

  test("with --dry-run says so, and writes nothing", async () => {
    using m = machine({ codex: null });
    symlinkSync(binary, join(m.bin, "kioku-mesh"));
    const { out } = await m.mcp("install --hooks --dry-run");
    expect(out).toContain(
      `# would have a session's start run in ${hooks(m).codex}: ${m.bin}/kioku-mesh hook session-start\n`,
    );
    expect(readdirSync(join(m.home, ".codex"))).toEqual([]);
  });

  test("needs the program on PATH, not only its link for agents", async () => {
    using m = machine({ codex: null });
    const { out, exitCode } = await m.mcp("install --hooks");
    expect({ out, exitCode }).toEqual({ out: expect.stringContaining("error: kioku-mesh not on PATH"), exitCode: 1 });
  });
});

describe("mcp uninstall", () => {
  const texts: [what: string, codex: string | null, claude: string | null][] = [
    ["a file that was not there", null, null],
    ["an empty file", "\n", "{}"],
    ["a file without a last line break", "a = 1", '{"mcpServers": {},"a" :1}'],
    ["Windows line breaks", "a = 1\r\n\r\n# end\r\n", '{\r\n  "a": 1\r\n}\r\n'],
    ["an inline list", 'mcp_servers = { a = { command = "x" } }\n', '{"mcpServers":{"a":{"command":"x"}}}'],
  ];
  for (const [what, codex, claude] of texts) {
    test(`restores byte for byte: ${what}`, async () => {
      using m = machine({ codex, claude });
      expect((await m.mcp("install")).exitCode).toBe(0);
      expect(await m.mcp("uninstall")).toEqual({
        out: `removed mesh_mem from Claude Code in ${m.configs.claude}\nremoved mcp_servers.mesh_mem from ${m.configs.codex}\n`,
        err: "",
        exitCode: 0,
      });
      expect([m.read("codex"), m.read("claude")]).toEqual([codex ?? undefined, claude ?? undefined]);
    });
  }

  test("takes only its own out where the file has changed since", async () => {
    using m = machine({ codex: "a = 1\n" });
    await m.mcp("install");
    writeFileSync(m.configs.codex, `${m.read("codex")}startup = 1\n\n[other]\nb = 2\n`.replace("startup = 1\n", ""));
    await m.mcp("uninstall");
    expect(m.read("codex")).toBe("a = 1\n\n[other]\nb = 2\n");
  });

  test("has nothing to do where it is not registered, and says so of an agent that is named", async () => {
    using m = machine({ codex: null });
    expect(await m.mcp("uninstall")).toMatchObject({ out: "mesh_mem is not registered with any agent\n", exitCode: 0 });
    expect(await m.mcp("uninstall --client codex-cli")).toEqual({
      out: "",
      err: "error: 'mesh_mem' is not registered with Codex CLI\n",
      exitCode: 1,
    });
  });
});
