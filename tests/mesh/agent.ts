import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { binary, type Host } from "./hosts.ts";

/** A host's MCP server, called as an agent calls it. */
export async function connectAgent(host: Host) {
  const env = { HOME: host.home, KIOKU_MESH_STATE_DIR: host.state };
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StdioClientTransport({ command: binary, args: ["mcp", "serve"], env }));
  return {
    async call(name: string, args: { [name: string]: unknown }): Promise<string> {
      const { content, isError } = await client.callTool({ name, arguments: args });
      const { text } = (content as { text: string }[])[0]!;
      if (isError) throw new Error(text);
      return text;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
