import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { agentsMeant, told } from "./agents.ts";
import { client, registeredName } from "./mcp-install.ts";
import { defineOperation, surfaces } from "./operation.ts";

export const mcpUninstall = defineOperation({
  command: "mcp uninstall",
  group: "host",
  summary: "Take the MCP server out of the agents' configuration. Memories stay.",
  examples: ["mcp uninstall", "mcp uninstall --client claude-code"],
  exits: { 1: "It is not registered with the agent named, or could not be removed everywhere." },
  effect: "write",
  input: z.strictObject({
    client: client.optional().describe("The agent. Without it: every one that has an entry."),
    name: registeredName.describe("The name it is registered under.").register(surfaces, { cli: { metavar: "NAME" } }),
    dry_run: z.boolean().default(false).describe("Say what would be done, and do nothing."),
  }),
  output: z.strictObject({ removed: z.array(z.string()), said: z.array(z.string()), failed: z.boolean() }),
  async run(ctx, { client, name, dry_run }) {
    const meant = agentsMeant(await ctx.agents(), client);
    const removed: string[] = [];
    const said: string[] = [];
    let failed = false;
    for (const agent of meant) {
      try {
        if (!agent.has(name)) continue;
        said.push(dry_run ? `# would remove ${name} from ${agent.file}` : await agent.unregister(name));
        removed.push(agent.client);
      } catch (error) {
        if (client) throw error;
        said.push(`error: ${agent.title}: ${told(error)}`);
        failed = true;
      }
    }
    if (client && removed.length === 0) {
      throw new UserError("notFound", `'${name}' is not registered with ${meant[0]!.title}`, { exit: 1 });
    }
    return { removed, said: said.length > 0 ? said : [`${name} is not registered with any agent`], failed };
  },
  text: ({ said }) => said.join("\n"),
  status: ({ failed }) => (failed ? 1 : 0),
});
