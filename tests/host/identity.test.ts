import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { agentFamily, clientId, hostId, sessionId } from "../../src/host/identity.ts";
import { openHost } from "../../src/host/host.ts";
import { temporary } from "../temporary.ts";

describe("the agent family is", () => {
  test.each([
    [{ MESH_MEM_AGENT_FAMILY: " codex " }, { value: "codex", variable: "MESH_MEM_AGENT_FAMILY" }],
    [
      { MESH_MEM_AGENT_FAMILY: "a", KIOKU_MESH_AGENT_FAMILY: "b" },
      { value: "b", variable: "KIOKU_MESH_AGENT_FAMILY" },
    ],
    [
      { MESH_MEM_AGENT_FAMILY: "a", CLAUDECODE: "1" },
      { value: "a", variable: "MESH_MEM_AGENT_FAMILY" },
    ],
    [{ CLAUDECODE: "1" }, { value: "claude", detected: true as const }],
    [
      { CLAUDE_CODE_ENTRYPOINT: "cli", CLAUDECODE: "1" },
      { value: "claude", detected: true as const },
    ],
    [{ CODEX_SANDBOX: "seatbelt" }, { value: "codex", detected: true as const }],
    [{ GEMINI_CLI: "1" }, { value: "gemini", detected: true as const }],
    [{ GEMINI_SANDBOX: "docker" }, { value: "gemini", detected: true as const }],
    [{ CLAUDECODE: "1", CODEX_SANDBOX: "1" }, { value: "unknown" }],
    [{ CLAUDECODE: "" }, { value: "unknown" }],
    [{ MESH_MEM_AGENT_FAMILY: "  " }, { value: "unknown" }],
    [{}, { value: "unknown" }],
  ])("%j → %j", (env, known) => {
    expect(agentFamily(env)).toEqual(known);
  });
});

test("the client is user@host unless it is named", () => {
  expect(clientId({ KIOKU_MESH_CLIENT_ID: "claude-code" })).toEqual({
    value: "claude-code",
    variable: "KIOKU_MESH_CLIENT_ID",
  });
  expect(clientId({ USER: "me", LOGNAME: "other" }).value).toMatch(/^me@[^.]+$/);
  expect(clientId({ LOGNAME: "other" }).value).toMatch(/^other@/);
  expect(clientId({}).value).toMatch(/^user@/);
});

test("what would change the shape of a mesh key, or break a line, is replaced", () => {
  expect(clientId({ MESH_MEM_CLIENT_ID: "a/b*c?d$e#f\ng" }).value).toBe("a-b-c-d-e-f-g");
  expect(clientId({ USER: "dom\\me/x" }).value).toMatch(/^dom\\me-x@/);
  expect(sessionId({ MESH_MEM_SESSION_ID: "s/1" }, new Date(0))).toBe("s-1");
  expect(agentFamily({ MESH_MEM_AGENT_FAMILY: "\ud800" }).value).toBe("\ufffd");
});

test("a session is named by its time and chance, once per process", () => {
  const now = () => new Date("2026-11-22T06:13:06Z");
  expect(sessionId({}, now())).toMatch(/^20261122T061306Z-[0-9a-f]{8}$/);
  expect(sessionId({}, now())).not.toBe(sessionId({}, now()));
  using files = temporary();
  const env = { HOME: files.path };
  const host = openHost({ env, platform: "linux", homeDirectory: () => "", workingDirectory: () => files.path, now });
  expect(host.who().session_id).toBe(host.who().session_id);
});

test("the host's id is 32 hex digits and a newline, for its owner alone, and stays", () => {
  using files = temporary();
  const state = files.at("deep/state");
  const id = hostId(state);
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(readFileSync(join(state, "pc_id"), "utf8")).toBe(`${id}\n`);
  expect(statSync(join(state, "pc_id")).mode & 0o777).toBe(0o600);
  expect(statSync(state).mode & 0o777).toBe(0o700);
  expect(hostId(state)).toBe(id);
});

test("the original's host id is taken over", () => {
  using files = temporary();
  files.file("pc_id", "8c128946f43348c2a69e9b68ec62784e\n");
  expect(hostId(files.path)).toBe("8c128946f43348c2a69e9b68ec62784e");
});

test("a host id that is none is refused, not replaced", () => {
  using files = temporary();
  for (const [content, problem] of [
    ["", "exists but has no content"],
    ["../../x", "is no id of 32 hex digits"],
  ] as const) {
    files.file("pc_id", content);
    expect(() => hostId(files.path)).toThrow(problem);
    expect(readFileSync(files.at("pc_id"), "utf8")).toBe(content);
  }
});

test("of 24 processes that make the host's id at once, all get the same, and no draft stays", async () => {
  using files = temporary();
  const program = `import { hostId } from ${JSON.stringify(join(import.meta.dir, "../../src/host/identity.ts"))};
    while (Date.now() < ${Date.now() + 1500}) {}
    console.log(hostId(process.argv[1]));`;
  const processes = Array.from({ length: 24 }, () =>
    Bun.spawn(["bun", "-e", program, files.path], { stdout: "pipe", stderr: "inherit" }),
  );
  const ids = await Promise.all(processes.map(async ({ stdout }) => (await new Response(stdout).text()).trim()));
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(readdirSync(files.path)).toEqual(["pc_id"]);
}, 30_000);
