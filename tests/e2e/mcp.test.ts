import { expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { anyLine, expectMessage } from "../mcp/fuzz.ts";
import { textOf } from "../mcp/world.ts";
import { seeded } from "../random.ts";
import { temporary } from "../temporary.ts";
import { call, initialize, openSession, program } from "./mcp-session.ts";

test("the official client saves, finds, reads and deletes over stdio, and the command line sees it", async () => {
  using files = temporary();
  const env = { ...process.env, KIOKU_MESH_STATE_DIR: files.path } as { [name: string]: string };
  const client = new Client({ name: "test", version: "1" });
  await client.connect(
    new StdioClientTransport({ command: program[0]!, args: [...program.slice(1), "mcp", "serve"], env }),
  );
  try {
    await client.listTools(); // from here on it checks structured content against the output schemas
    const ask = async (name: string, args: object = {}) =>
      textOf((await client.callTool({ name, arguments: { ...args } })) as CallToolResult);
    const content = "記憶: retries need jitter. ".repeat(5_000);
    const saved = await ask("save_observation", { content, subject: "Jitter", project: "demo" });
    const id = saved.replace("saved: ", "");
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(await ask("search_memory", { query: "jitter" })).toContain(`<id=${id}>`);
    expect(await ask("recall_context", { query: "how to retry", project: "demo" })).toContain(`id: ${id}`);
    expect(await ask("get_memory", { observation_id: id })).toContain("\n---\n記憶: retries need jitter. ");
    expect(await ask("get_memory_status")).toContain("count (within limit 10000): 1");
    expect(await ask("drain_pending_puts")).toContain("drained=0");
    const { stdout } = Bun.spawnSync([...program, "search", "jitter"], { env });
    expect(stdout.toString()).toContain(`<id=${id}>`);
    expect(await ask("delete_memory", { observation_id: id })).toBe(`deleted (tombstone): ${id}`);
    expect(await ask("search_memory", { query: "jitter" })).toBe("No matching memories.");
  } finally {
    await client.close();
  }
});

test("initialize and tools/list are answered where there can be no database, and a save says what is wrong", async () => {
  using files = temporary();
  const beneathAFile = `${files.file("occupied")}/state`;
  await using session = openSession(beneathAFile);
  expect(await session.ask(initialize)).toHaveProperty("result.serverInfo.name", "kioku-mesh");
  expect(await session.ask({ jsonrpc: "2.0", id: 2, method: "tools/list" } as never)).toHaveProperty(
    "result.tools.length",
    7,
  );
  const refused = await session.ask(call(3, "save_observation", { content: "x" }));
  expect(refused).toHaveProperty("result.isError", true);
  expect(JSON.stringify(refused)).toContain("state");
  expect(await session.ask({ jsonrpc: "2.0", id: 4, method: "ping" } as never)).toEqual({
    jsonrpc: "2.0",
    id: 4,
    result: {},
  } as never);
});

test("hundreds of lines of a broken client bring nothing but JSON-RPC to stdout, and the server still answers", async () => {
  using files = temporary();
  await using session = openSession(files.path);
  const chance = seeded(99);
  session.send(initialize);
  for (let id = 1; id <= 400; id++) session.send(Buffer.concat([anyLine(chance, id), Buffer.from("\n")]));
  session.send(call("last", "search_memory"));
  await session.hangUp();
  const messages = (await session.remaining()).map(expectMessage);
  expect(messages.map(({ id }) => id)).toContain("last");
  expect(await session.server.exited).toBe(0);
});

test("at a terminal it prints how to register it, and leaves with 2", async () => {
  using files = temporary();
  let shown = "";
  const run = async (env: { [name: string]: string }) => {
    const server = Bun.spawn([...program, "mcp", "serve"], {
      env: { ...process.env, KIOKU_MESH_STATE_DIR: files.path, ...env },
      terminal: { data: (_, bytes) => void (shown += Buffer.from(bytes).toString()) },
    });
    const timer = setTimeout(() => server.kill("SIGTERM"), 1_000); // only the one that was told to stay needs it
    const status = await server.exited;
    clearTimeout(timer);
    server.terminal?.close();
    return status;
  };
  expect(await run({})).toBe(2);
  expect(shown).toContain("kioku-mesh mcp install --client claude-code");
  expect(shown).toContain("kioku-mesh mcp install --client codex-cli");
  expect(shown).toContain("< /dev/null");
  expect(shown).toContain("MESH_MEM_MCP_ALLOW_TTY=1");
  shown = "";
  expect(await run({ MESH_MEM_MCP_ALLOW_TTY: "1" })).toBe(143);
  expect(shown).toBe("");
});
