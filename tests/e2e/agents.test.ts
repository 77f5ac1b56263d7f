/** The agents' own programs, each with a home directory of its own, started as their users start them. */
import { afterAll, beforeAll, expect } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, hostTarget } from "../../build/compile.ts";
import { version } from "../../package.json";
import { has, testWith } from "../needs.ts";

const agentTest = testWith("the agents' programs");
const work = mkdtempSync(join(tmpdir(), "kioku-agents-"));
let binary: string;

beforeAll(async () => {
  if (has("the agents' programs")) binary = await compile(hostTarget(), join(work, "built"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A user who has kioku-mesh and the agents' programs on PATH. */
function user(name: string) {
  const home = join(work, name);
  const bin = join(home, "bin");
  mkdirSync(join(home, ".codex"), { recursive: true });
  mkdirSync(bin);
  for (const link of ["kioku-mesh", "kioku-mesh-mcp"]) symlinkSync(binary, join(bin, link));
  const PATH = [bin, process.env.KIOKU_AGENTS, "/usr/bin", "/bin"].join(":");
  async function run(line: string, env: { [name: string]: string } = {}, cwd = home) {
    const [command, ...args] = line.split(" ");
    const child = Bun.spawn([command!, ...args], {
      env: { HOME: home, PATH, ...env },
      cwd,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: 60_000,
    });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { out, err, status: await child.exited };
  }
  return { home, bin, run, codex: join(home, ".codex/config.toml"), claude: join(home, ".claude.json") };
}

agentTest(
  "after `mcp install` Claude Code is connected and Codex knows the server; `mcp uninstall` takes it out",
  async () => {
    const { run, bin, codex, claude } = user("both");
    const config = '# mine\nmodel = "o" # keep\n\n[profiles.x]\nmodel = "p"\n';
    writeFileSync(codex, config);
    const server = join(bin, "kioku-mesh-mcp");
    const proof = `proved: kioku-mesh ${version} saved, found and deleted a memory as`;
    expect(await run("kioku-mesh mcp install")).toEqual({
      out: `registered mesh_mem with Claude Code via ${process.env.KIOKU_AGENTS}/claude\n${proof} claude-code\nwrote mcp_servers.mesh_mem to ${codex}\n${proof} codex-cli\n`,
      err: "",
      status: 0,
    });
    expect((await run("claude mcp list")).out).toContain(`mesh_mem: ${server}  - ✔ Connected`);
    const listed = JSON.parse((await run("codex mcp list --json")).out);
    expect(listed).toMatchObject([{ name: "mesh_mem", enabled: true, transport: { type: "stdio", command: server } }]);
    expect(JSON.parse(readFileSync(claude, "utf8")).mcpServers.mesh_mem).toEqual({
      type: "stdio",
      command: server,
      args: [],
      env: { KIOKU_MESH_AGENT_FAMILY: "claude", KIOKU_MESH_CLIENT_ID: "claude-code" },
    });
    expect(await run("kioku-mesh mcp install")).toMatchObject({ err: "", status: 0 });
    expect(await run("kioku-mesh mcp install --client claude-code")).toEqual({
      out: "",
      err: "error: 'mesh_mem' is already registered with Claude Code. Use --force to overwrite.\n",
      status: 1,
    });
    expect((await run("kioku-mesh search")).out).toBe("No matching memories.\n"); // proofs leave nothing behind

    expect((await run("kioku-mesh mcp uninstall")).status).toBe(0);
    expect(readFileSync(codex, "utf8")).toBe(config);
    expect((await run("claude mcp list")).out).not.toContain("mesh_mem");
    expect((await run("codex mcp list --json")).out.trim()).toBe("[]");
  },
);

agentTest("a session of Claude Code begins with what is remembered of its project", async () => {
  const { run, home } = user("session");
  expect((await run("kioku-mesh mcp install --client claude-code --hooks")).status).toBe(0);
  await run("kioku-mesh save tabs-not-spaces -p atlas");
  mkdirSync(join(home, "atlas/.git"), { recursive: true });
  await run("claude -p hello", {}, join(home, "atlas")); // it is not logged in, but the session has begun by then
  const [transcript] = [...new Bun.Glob("**/*.jsonl").scanSync(join(home, ".claude/projects"))];
  const lines = readFileSync(join(home, ".claude/projects", transcript!), "utf8")
    .trim()
    .split("\n");
  const taken = lines.map((line) => JSON.parse(line).attachment).filter((a) => a?.type === "hook_additional_context");
  expect(taken).toMatchObject([{ content: [expect.stringContaining("tabs-not-spaces <id=")] }]);
  expect((await run("kioku-mesh mcp uninstall")).out).toContain("removed the session-start hook from");
});

agentTest("what `--dry-run` shows for Claude Code is a command line that does it", async () => {
  const { run, home } = user("dry");
  const { out } = await run("kioku-mesh mcp install --client claude-code --name memory -e A=it's --dry-run");
  const sh = Bun.spawnSync(["sh", "-c", out], { env: { HOME: home, PATH: "/usr/bin:/bin" }, cwd: home });
  expect(sh.exitCode).toBe(0);
  const { memory } = JSON.parse(readFileSync(join(home, ".claude.json"), "utf8")).mcpServers;
  expect(memory).toMatchObject({ env: { A: "it's", KIOKU_MESH_CLIENT_ID: "claude-code" } });
});

agentTest("Codex reads every way of writing an entry that `--force` edits", async () => {
  const { run, bin, codex } = user("ways");
  const ways = [
    '[mcp_servers."mesh_mem"]\ncommand = "x"\n\n[mcp_servers.other]\ncommand = "y"\n',
    '[mcp_servers]\nmesh_mem = { command = "x", args = ["a"] } # here\nother.command = "y"\n',
    'mcp_servers.mesh_mem.command = "x"\nmcp_servers.other.command = "y"\n',
    'mcp_servers = { mesh_mem = { command = "x" }, other = { command = "y" } }\n',
    'mcp_servers = { other = { command = "y" } }\n',
    'mcp_servers.other.command = "y"\n',
  ];
  for (const text of ways) {
    writeFileSync(codex, text);
    expect(await run("kioku-mesh mcp install --client codex-cli --force")).toMatchObject({ err: "", status: 0 });
    const servers = JSON.parse((await run("codex mcp list --json")).out) as { name: string; transport: object }[];
    expect(servers.map(({ name }) => name).toSorted()).toEqual(["mesh_mem", "other"]);
    expect(servers.find(({ name }) => name === "mesh_mem")!.transport).toMatchObject({
      command: join(bin, "kioku-mesh-mcp"),
      args: [],
      env: { KIOKU_MESH_AGENT_FAMILY: "codex", KIOKU_MESH_CLIENT_ID: "codex-cli" },
    });
  }
});

agentTest("`--repair` makes an entry of the Python original work in Claude Code", async () => {
  const { run } = user("repair");
  await run("claude mcp add mesh_mem -s user -e MESH_MEM_CLIENT_ID=mine -- /gone/kioku-mesh-mcp");
  await run("claude mcp add kioku_mesh -s user -- /gone/kioku-mesh-mcp");
  expect((await run("claude mcp list")).out).not.toContain("Connected");
  expect(await run("kioku-mesh mcp install --repair --client claude-code")).toMatchObject({ err: "", status: 0 });
  const { out } = await run("claude mcp get mesh_mem");
  expect(out).toContain("Connected");
  expect(out).toContain("KIOKU_MESH_CLIENT_ID=mine");
  expect((await run("claude mcp list")).out).not.toContain("kioku_mesh");
});

agentTest("Claude Code finds what was registered under CLAUDE_CONFIG_DIR, Codex under CODEX_HOME", async () => {
  const { run, home } = user("elsewhere");
  const env = { CLAUDE_CONFIG_DIR: join(home, "c"), CODEX_HOME: join(home, "x") };
  mkdirSync(env.CODEX_HOME);
  expect((await run("kioku-mesh mcp install", env)).status).toBe(0);
  expect((await run("claude mcp list", env)).out).toContain("Connected");
  expect((await run("codex mcp list", env)).out).toContain("mesh_mem");
  expect((await run("claude mcp list")).out).not.toContain("mesh_mem");
});

agentTest("another release before this one on PATH is registered, and named", async () => {
  const { run, bin, home } = user("other");
  const other = join(home, "other");
  mkdirSync(other);
  copyFileSync(binary, join(other, "kioku-mesh-mcp"));
  const env = { PATH: [other, bin, process.env.KIOKU_AGENTS].join(":") };
  const { out, err, status } = await run("kioku-mesh mcp install --client codex-cli", env);
  expect({ status, err }).toEqual({
    status: 0,
    err: `note: ${other}/kioku-mesh-mcp on PATH is not this program (${binary})\n`,
  });
  expect(out).toContain("proved: ");
});
