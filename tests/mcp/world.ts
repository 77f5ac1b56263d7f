import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { createServer } from "../../src/mcp/server.ts";
import type { Context } from "../../src/ops/context.ts";
import { openStore } from "../../src/store/store.ts";
import { idOf, now } from "../store/records.ts";

export const here = idOf("atlas");

/** A context over a database in memory, on the host `here`, at a fixed time. */
export function contextWith(changes: Partial<Context> = {}): Context {
  const store = openStore(":memory:", () => now);
  let ids = 0;
  return {
    version: "1.2.3",
    binary: "/bin/kioku-mesh",
    paths: {
      configDirectory: "/config",
      config: "/config/config.yaml",
      stateDirectory: "/state",
      database: "/state/memory.db",
      passedOver: [],
      foreignDirectories: [],
    },
    store: () => store,
    glance: () => undefined,
    now: () => new Date(now),
    newId: () => idOf(`new ${++ids}`),
    who: () => ({
      agent_family: "claude",
      client_id: "me@atlas",
      pc_id: here,
      session_id: "session-1",
      sources: { agent_family: {}, client_id: {} },
    }),
    settings: () => ({
      backend: "local",
      userId: "",
      teamId: "",
      disableIndex: false,
      strangeKeys: [],
      save: () => ({ project: "", tags: [], visibility: "mesh" }),
    }),
    projectHere: () => "demo",
    idleVariables: () => [],
    writeFile: () => {},
    draftFile: () => ({ write: () => {}, keep: () => {}, discard: () => {} }),
    agents: () => Promise.reject(new Error("there are no agents in memory")),
    ...changes,
  };
}

/** An agent's client, linked to a server over a context. It checks every answer against the tool's output schema. */
export async function agentOf(ctx: Context) {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1" });
  await createServer(ctx).connect(theirs);
  await client.connect(ours);
  await client.listTools(); // from here on the client validates structured content
  async function call(name: string, args: { [name: string]: unknown } = {}): Promise<CallToolResult> {
    return (await client.callTool({ name, arguments: args })) as CallToolResult;
  }
  async function textWhere(isError: boolean, name: string, args?: { [name: string]: unknown }): Promise<string> {
    const result = await call(name, args);
    if ((result.isError ?? false) !== isError) throw new Error(textOf(result));
    return textOf(result);
  }
  return {
    client,
    call,
    /** The text of an answer that is good. */
    text: (name: string, args?: { [name: string]: unknown }) => textWhere(false, name, args),
    /** The text of a refusal. */
    refusal: (name: string, args?: { [name: string]: unknown }) => textWhere(true, name, args),
  };
}

export function textOf({ content }: CallToolResult): string {
  const [block] = content;
  return block?.type === "text" ? block.text : "";
}
