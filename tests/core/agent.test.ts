import { describe, expect, test } from "bun:test";
import { isSecondTo, repaired, repairOf, serverEntry, startsOurServer } from "../../src/core/agent.ts";

const program = { command: "/usr/local/bin/kioku-mesh-mcp", args: [] };

test("an entry says who speaks, and no more; what is given comes behind and wins", () => {
  expect(serverEntry(program, "codex-cli", {})).toEqual({
    ...program,
    env: { KIOKU_MESH_AGENT_FAMILY: "codex", KIOKU_MESH_CLIENT_ID: "codex-cli" },
  });
  const { env } = serverEntry(program, "claude-code", { KIOKU_MESH_CLIENT_ID: "mine", X: "1" });
  expect(env).toEqual({ KIOKU_MESH_AGENT_FAMILY: "claude", KIOKU_MESH_CLIENT_ID: "mine", X: "1" });
});

describe("our server is known", () => {
  const ours: [command: string, ...args: string[]][] = [
    ["kioku-mesh-mcp"],
    ["/home/me/.local/bin/mesh-mem-mcp"],
    ["C:\\Users\\me\\kioku-mesh-mcp.exe"],
    ["/opt/kioku-mesh", "mcp", "serve"],
    ["/usr/bin/python3.11", "-m", "mesh_mem.mcp_server"],
    ["uvx", "--from", "kioku-mesh", "kioku-mesh-mcp"],
    ["direnv", "exec", ".", "/usr/bin/kioku-mesh-mcp"],
  ];
  const others: [command: string, ...args: string[]][] = [
    ["/opt/kioku-mesh", "search"],
    ["/home/me/kioku-mesh-mcp/run.sh"],
    ["python3", "-m", "other.mcp_server"],
    ["npx", "-y", "mesh_mem"],
  ];
  for (const [command, ...args] of ours) {
    test(`in ${command} ${args.join(" ")}`, () => expect(startsOurServer({ command, args })).toBe(true));
  }
  for (const [command, ...args] of others) {
    test(`not in ${command} ${args.join(" ")}`, () => expect(startsOurServer({ command, args })).toBe(false));
  }
});

describe("an entry is a second to ours", () => {
  const first = serverEntry(program, "claude-code", {});
  const second = (env: { [name: string]: string }) => isSecondTo(first, { ...program, env });

  test("where it speaks as the same client, by either name, or as none", () => {
    expect(second({ MESH_MEM_CLIENT_ID: "claude-code", ZENOH_CONNECT: "tcp/127.0.0.1:7447" })).toBe(true);
    expect(second({})).toBe(true);
  });

  test("not where its owner tells them apart: another client, another memory, another program", () => {
    expect(second({ KIOKU_MESH_CLIENT_ID: "claude-reviewer" })).toBe(false);
    expect(second({ KIOKU_MESH_CLIENT_ID: "claude-code", KIOKU_MESH_STATE_DIR: "/else" })).toBe(false);
    expect(isSecondTo(first, { ...first, command: "/opt/other" })).toBe(false);
  });
});

describe("a repair", () => {
  const env = { KIOKU_MESH_AGENT_FAMILY: "claude" };
  test("is not needed by what starts this program", () =>
    expect(repairOf({ ...program, env }, program)).toBeUndefined());

  test("points to this program what starts another one of ours, and takes over its arguments", () => {
    const entry = { command: "/old/venv/bin/python", args: ["-m", "mesh_mem.mcp_server"], env };
    const repair = repairOf(entry, program)!;
    expect(repair).toEqual({ ...program, renamed: [], dropped: [] });
    expect(repaired(entry, repair)).toEqual({ ...program, env });
  });

  test("leaves a wrapper and a foreign program alone", () => {
    for (const [command, ...args] of [["env", "X=1", "kioku-mesh-mcp"], ["/bin/other"]] as const) {
      expect(repairOf({ command, args, env }, program)).toBeUndefined();
    }
  });

  test("renames the variables of release 0.3, and drops those that lose to their present names", () => {
    const entry = {
      ...program,
      env: { MESH_MEM_CLIENT_ID: "a", Z: "z", MESH_MEM_BACKEND: "b", KIOKU_MESH_BACKEND: "c" },
    };
    const repair = repairOf(entry, program)!;
    expect(repair).toEqual({
      renamed: [["MESH_MEM_CLIENT_ID", "KIOKU_MESH_CLIENT_ID"]],
      dropped: ["MESH_MEM_BACKEND"],
    });
    const after = repaired(entry, repair);
    expect(Object.entries(after.env)).toEqual([
      ["KIOKU_MESH_CLIENT_ID", "a"],
      ["Z", "z"],
      ["KIOKU_MESH_BACKEND", "c"],
    ]);
  });
});
