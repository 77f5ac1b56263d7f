import { expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { createServer } from "../../src/mcp/server.ts";
import { loadOperations, loadTools } from "../../src/ops/index.ts";
import { contextWith } from "./world.ts";

/** A context of which nothing may be touched. */
const untouchable = contextWith({
  store: () => {
    throw new Error("the database was opened");
  },
  who: () => {
    throw new Error("the identity was read");
  },
  settings: () => {
    throw new Error("the settings were read");
  },
});

/** A client of a server, and the bytes of every line the server wrote. */
async function listed() {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1" });
  const lines: number[] = [];
  const send = theirs.send.bind(theirs);
  theirs.send = (message, options) => {
    lines.push(Buffer.byteLength(JSON.stringify(message)) + 1);
    return send(message, options);
  };
  await createServer(untouchable).connect(theirs);
  await client.connect(ours);
  const { tools } = await client.listTools();
  return { client, tools, bytes: lines.at(-1)! };
}

/** Written out on purpose, not shared with the code: agents and scripts rely on these. */
const parameters = {
  save_observation: {
    content: ["string"],
    project: ["string"],
    tags: ["array"],
    memory_type: ["string", "note"],
    importance: ["integer", 2],
    subject: ["string", ""],
    summary: ["string", ""],
    source_files: ["array", []],
    references: ["array", []],
    supersedes: ["array", []],
    visibility: ["string"],
    expires_at: ["string"],
    ttl: ["string"],
  },
  search_memory: {
    query: ["string", ""],
    agent_family: ["string", ""],
    client_id: ["string", ""],
    pc_id: ["string", ""],
    session_id: ["string", ""],
    project: ["string", ""],
    since_iso: ["string", ""],
    until_iso: ["string", ""],
    limit: ["integer", 50],
    search_mode: ["string", "auto"],
    include_superseded: ["boolean", false],
    offset: ["integer", 0],
    budget_bytes: ["integer", 20_000],
  },
  recall_context: {
    query: ["string", ""],
    project: ["string", ""],
    memory_types: ["array", []],
    source_files: ["array", []],
    references: ["array", []],
    since_iso: ["string", ""],
    search_mode: ["string", "and_or"],
    limit: ["integer", 20],
    offset: ["integer", 0],
    budget_bytes: ["integer", 20_000],
  },
  get_memory: { observation_id: ["string"], offset: ["integer", 0], budget_bytes: ["integer", 20_000] },
  delete_memory: { observation_id: ["string"], reason: ["string", ""] },
  get_memory_status: { budget_bytes: ["integer", 20_000] },
  drain_pending_puts: { limit: ["integer"] },
};

test("initialize and tools/list open nothing", async () => {
  const { tools } = await listed();
  expect(tools.map(({ name }) => name).toSorted()).toEqual(Object.keys(parameters).toSorted());
});

test("the operations that have a tool are those the server loads", async () => {
  const withTool = (await loadOperations()).filter(({ tool }) => tool);
  expect((await loadTools()).map(({ command }) => command)).toEqual(withTool.map(({ command }) => command));
});

test("tools have the parameters, types and defaults that agents know", async () => {
  for (const { name, inputSchema } of (await listed()).tools) {
    const properties = inputSchema.properties as { [name: string]: { type: string; default?: unknown } };
    const seen = Object.entries(properties).map(([key, { type, default: fallback }]) => [
      key,
      fallback === undefined ? [type] : [type, fallback],
    ]);
    const known = parameters[name as keyof typeof parameters] as { [name: string]: unknown };
    expect(Object.fromEntries(seen)).toEqual(known);
    expect(inputSchema.additionalProperties).toBe(false);
  }
});

test("only what a tool cannot do without is required", async () => {
  const required = Object.fromEntries(
    (await listed()).tools.map(({ name, inputSchema }) => [name, inputSchema.required]),
  );
  expect(required).toEqual({
    save_observation: ["content"],
    search_memory: undefined,
    recall_context: undefined,
    get_memory: ["observation_id"],
    delete_memory: ["observation_id"],
    get_memory_status: undefined,
    drain_pending_puts: undefined,
  });
});

test("every tool has a title, a description of itself and of its parameters, hints and an output schema with the text", async () => {
  for (const tool of (await listed()).tools) {
    expect(tool.title).toBeString();
    expect(tool.description).toBeString();
    expect(tool.outputSchema?.properties).toHaveProperty("result", { type: "string" });
    expect(tool.outputSchema?.required).toContain("result");
    for (const property of Object.values(tool.inputSchema.properties ?? {})) {
      expect(property).toHaveProperty("description");
      expect(JSON.stringify(property)).not.toContain("standard input"); // that is the command line's
    }
  }
});

test("clients are told which tools only read and which destroy", async () => {
  const hints = Object.fromEntries(
    (await listed()).tools.map(({ name, annotations }) => [
      name,
      [annotations?.readOnlyHint, annotations?.destructiveHint, annotations?.openWorldHint],
    ]),
  );
  expect(hints).toEqual({
    save_observation: [false, false, false],
    search_memory: [true, undefined, false],
    recall_context: [true, undefined, false],
    get_memory: [true, undefined, false],
    delete_memory: [false, true, false],
    get_memory_status: [true, undefined, false],
    drain_pending_puts: [false, false, false],
  });
});

test("what makes an agent use its memory is shown by clients that hide tools", async () => {
  const { tools } = await listed();
  const shown = tools.filter(({ _meta }) => _meta?.["anthropic/alwaysLoad"] === true).map(({ name }) => name);
  expect(shown.toSorted()).toEqual(["recall_context", "save_observation", "search_memory"]);
  for (const name of ["save_observation", "search_memory", "get_memory_status", "recall_context"]) {
    expect(tools.find((tool) => tool.name === name)?.description).toContain("PROACTIVELY");
  }
});

test("the whole answer to tools/list stays under 8 KB", async () => {
  expect((await listed()).bytes).toBeLessThan(8_000);
});

test("instructions are short enough that no client cuts them (2 KB), and say what agents are known to follow", async () => {
  const instructions = (await listed()).client.getInstructions()!;
  expect(Buffer.byteLength(instructions)).toBeLessThan(2048);
  for (const text of [
    "PROACTIVE SAVE",
    "save_observation",
    "search_memory",
    "recall_context",
    "SKIP saving when the entry would mostly duplicate another source of truth",
    "PR / Issue lifecycle ticks",
    "Prefer decision / bug / pattern / config over summary",
  ]) {
    expect(instructions).toContain(text);
  }
});

test("the server names itself and its version", async () => {
  expect((await listed()).client.getServerVersion()).toMatchObject({ name: "kioku-mesh", version: "1.2.3" });
});
