import { z } from "zod";
import { startsOurServer } from "../core/agent.ts";
import { UserError } from "../core/errors.ts";
import { agentsMeant, told, type Agent } from "./agents.ts";
import { client, registeredName } from "./mcp-install.ts";
import { defineOperation, surfaces } from "./operation.ts";

/** What an agent's configuration has of ours: the server under this name, and the hook, unless another server stays. */
function partsOf(agent: Agent, name: string): { where: string; remove(): Promise<string> }[] {
  const stays = agent
    .lists()[0]!
    .registrations()
    .some((other) => other.name !== name && startsOurServer(other.entry));
  const commands = () => (stays ? [] : agent.hooks.commands());
  const hook = `the session-start hook from ${agent.hooks.file}`;
  return [
    ...(agent.has(name) ? [{ where: `${name} from ${agent.file}`, remove: () => agent.unregister(name) }] : []),
    ...(commands().length > 0 ? [{ where: hook, remove: async () => (agent.hooks.remove(), `removed ${hook}`) }] : []),
  ];
}

export const mcpUninstall = defineOperation({
  command: "mcp uninstall",
  group: "host",
  summary: "Take the MCP server and its hook out of the agents' settings. Memories stay.",
  examples: ["mcp uninstall", "mcp uninstall --client claude-code"],
  exits: { 1: "It is not registered with the agent named, or could not be removed everywhere." },
  effect: "write",
  input: z.strictObject({
    client: client.optional().describe("The agent. Without it: every one that has an entry."),
    name: registeredName.describe("The name it is registered under.").register(surfaces, { cli: { metavar: "NAME" } }),
    dry_run: z.boolean().default(false).describe("Say what would be done, and do nothing."),
  }),
  output: () => z.strictObject({ removed: z.array(z.string()), said: z.array(z.string()), failed: z.boolean() }),
  async run(ctx, { client, name, dry_run }) {
    const meant = agentsMeant(await ctx.agents(), client);
    const removed: string[] = [];
    const said: string[] = [];
    let failed = false;
    for (const agent of meant) {
      try {
        const parts = partsOf(agent, name);
        for (const { where, remove } of parts) said.push(dry_run ? `# would remove ${where}` : await remove());
        if (parts.length > 0) removed.push(agent.client);
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
