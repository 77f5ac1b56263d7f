import { existsSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import {
  clients,
  isSecondTo,
  serverEntry,
  serverName,
  startsOurServer,
  type Client,
  type Program,
  type ServerEntry,
} from "../core/agent.ts";
import { UserError } from "../core/errors.ts";
import { agentsMeant, registered, told, type Agent, type Agents } from "./agents.ts";
import type { Context } from "./context.ts";
import { list, text } from "./fields.ts";
import { repairSteps } from "./mcp-repair.ts";
import { defineOperation, surfaces } from "./operation.ts";

export const client = z.enum(clients);
export const registeredName = text
  .regex(/^[A-Za-z0-9_-]+$/, "may have letters, digits, _ and - only")
  .default(serverName);

/** What became of one agent. */
interface Installed {
  client: string;
  outcome: "registered" | "already registered" | "repaired" | "planned" | "declined" | "failed";
  said: string[];
}

export const mcpInstall = defineOperation({
  command: "mcp install",
  group: "host",
  summary: "Register the MCP server with this machine's agents, and prove that it works.",
  examples: ["mcp install", "mcp install --client codex-cli", "mcp install --dry-run", "mcp install --repair"],
  exits: { 1: "It is registered already, or could not be registered or proved everywhere." },
  effect: "write",
  input: z.strictObject({
    client: client
      .optional()
      .describe("The agent. Without it: every one that is on this machine, each after a question."),
    name: registeredName.describe("The name to register it under.").register(surfaces, { cli: { metavar: "NAME" } }),
    env: list
      .default([])
      .describe("A variable the server gets beside the agent's family and client id; may be repeated.")
      .register(surfaces, { cli: { short: "e", metavar: "K=V" } }),
    force: z.boolean().default(false).describe("Overwrite an entry of this name."),
    repair: z
      .boolean()
      .default(false)
      .describe("Point an entry that is there to this program, rename its old variables, remove its duplicates."),
    hooks: z
      .boolean()
      .default(false)
      .describe("Also let the start of a session print what is remembered of its project (see `hook session-start`)."),
    dry_run: z.boolean().default(false).describe("Say what would be done, and do nothing."),
  }),
  output: () =>
    z.strictObject({
      agents: z.array(
        z.strictObject({
          client: z.string(),
          outcome: z.enum(["registered", "already registered", "repaired", "planned", "declined", "failed"]),
          said: z.array(z.string()),
        }),
      ),
    }),
  async run(ctx, input) {
    const agents = await ctx.agents();
    const variables = readVariables(input.env);
    const server = agents.server();
    if (!server) {
      throw new UserError("usage", "kioku-mesh-mcp not on PATH.", {
        hint: "put the directory of kioku-mesh on PATH: agents start the server by its path there",
      });
    }
    const results: Installed[] = [];
    for (const agent of found(agents, input.client, server)) {
      const task: Task = { ctx, agents, agent, wish: input };
      const entry = serverEntry(server, agent.client, variables);
      const work = input.repair ? repairFor(task, server) : installFor(task, entry);
      const result = await (input.client ? work : work.catch((error) => failed(agent, error)));
      results.push(input.hooks ? withHook(task, result) : result);
    }
    sayWhetherOther(ctx, server.command);
    return { agents: results };
  },
  text: ({ agents }) => agents.flatMap(({ said }) => said).join("\n"),
  status: ({ agents }) => (agents.some(({ outcome }) => outcome === "failed") ? 1 : 0),
});

/** One agent, and what is wished of it. */
interface Task {
  ctx: Context;
  agents: Agents;
  agent: Agent;
  wish: { client?: Client | undefined; name: string; force: boolean; hooks: boolean; dry_run: boolean };
}

async function installFor(task: Task, entry: ServerEntry): Promise<Installed> {
  const { ctx, agent } = task;
  const { client, name, force, hooks, dry_run } = task.wish;
  if (agent.has(name) && !force) {
    const there = registered(agent, name);
    if ((client && !hooks) || !there || !startsOurServer(there.entry)) {
      throw new UserError("conflict", agent.taken(name), { exit: 1 });
    }
    return await proved(task, "already registered", [`${name} is already registered with ${agent.title}`]);
  }
  if (dry_run) return { client: agent.client, outcome: "planned", said: [agent.plan(name, entry)] };
  if (!client && (await declines(ctx, agent, name))) {
    return { client: agent.client, outcome: "declined", said: [`${agent.title}: left as it is`] };
  }
  const said = await agent.register(name, entry);
  sayDuplicates(ctx, agent, name, entry);
  return await proved(task, "registered", [said]);
}

async function repairFor(task: Task, program: Program): Promise<Installed> {
  const { client, file } = task.agent;
  const { name, dry_run } = task.wish;
  const steps = repairSteps(task.agent, name, program);
  if (steps.length === 0) return await proved(task, "already registered", [`'${name}' in ${file}: nothing to repair.`]);
  if (dry_run) return { client, outcome: "planned", said: steps.map(({ says }) => `# would have ${says}`) };
  const said = steps.map(({ says, take }) => {
    const backup = take();
    return backup ? `${says}; previous file kept at ${backup}` : says;
  });
  return await proved(task, "repaired", said);
}

/** What became of an agent, and of its hook. */
function withHook({ agents, agent, wish }: Task, result: Installed): Installed {
  if (result.outcome === "failed" || result.outcome === "declined") return result;
  const { file } = agent.hooks;
  const also = (line: string) => ({ ...result, said: [...result.said, line] });
  try {
    const command = agents.hookCommand();
    if (!command) throw new UserError("unavailable", "kioku-mesh not on PATH, which the hook would start");
    if (wish.dry_run) return also(`# would have a session's start run in ${file}: ${command}`);
    agent.hooks.add(command);
    const trust = agent.client === "codex-cli" ? "; Codex runs it once you trust it: /hooks" : "";
    return also(`wrote the session-start hook to ${file}${trust}`);
  } catch (error) {
    return { ...also(`error: ${told(error)}`), outcome: "failed" };
  }
}

/** Starts what the agent's configuration says now, read back from it, and adds what came of it. */
async function proved(
  { agents, agent, wish }: Task,
  outcome: Installed["outcome"],
  said: string[],
): Promise<Installed> {
  const { client } = agent;
  try {
    const { entry } = registered(agent, wish.name) ?? {};
    if (!entry) throw new UserError("unavailable", `${agent.file} does not have ${wish.name}`);
    const server = await agents.prove(entry);
    return { client, outcome, said: [...said, `proved: ${server} saved, found and deleted a memory as ${client}`] };
  } catch (error) {
    const named = wish.name === serverName ? "" : ` --name ${wish.name}`;
    const undo = `undo: kioku-mesh mcp uninstall --client ${client}${named}`;
    return { client, outcome: "failed", said: [...said, `error: ${told(error)}`, undo] };
  }
}

function found(agents: Agents, client: Agent["client"] | undefined, server: Program): Agent[] {
  const meant = agentsMeant(agents, client);
  const [only] = meant;
  if (client && !only!.present()) {
    throw new UserError("usage", `${only!.title} is not on this machine: no program on PATH, no ${only!.file}`, {
      hint: "install it first",
    });
  }
  if (only) return meant;
  const known = agents.all.map(({ title }) => title).join(" nor ");
  throw new UserError("notFound", `found neither ${known} on this machine`, {
    hint: `other agents are given this as an MCP server on stdio: ${[server.command, ...server.args].join(" ")}`,
  });
}

async function declines(ctx: Context, agent: Agent, name: string): Promise<boolean> {
  const through = agent.client === "claude-code" && agent.program ? `via ${agent.program}` : `in ${agent.file}`;
  return (await ctx.confirm?.(`Register ${name} with ${agent.title} ${through}?`)) === false;
}

function failed({ client, title }: Agent, error: unknown): Installed {
  return { client, outcome: "failed", said: [`error: ${title}: ${told(error)}`] };
}

function readVariables(pairs: readonly string[]): ServerEntry["env"] {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([^=]+)=([^]*)$/.exec(pair) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      throw new UserError("usage", `--env takes K=V, got '${pair}'`);
    }),
  );
}

/** Another release earlier on PATH is what agents would start: better known than searched for. */
function sayWhetherOther(ctx: Context, command: string): void {
  if (!existsSync(ctx.binary) || !basename(ctx.binary).startsWith("kioku-mesh")) return; // run from source
  if (realpathSync(command) === realpathSync(ctx.binary)) return;
  ctx.note?.(`note: ${command} on PATH is not this program (${ctx.binary})`);
}

function sayDuplicates(ctx: Context, agent: Agent, name: string, entry: ServerEntry): void {
  for (const { name: other, scope, file, entry: another } of agent
    .lists()
    .flatMap((servers) => servers.registrations())) {
    const comesFirst = other === name && scope !== "user";
    if (comesFirst) ctx.note?.(`note: ${name} in ${file} (${scope} scope) comes before it here`);
    if (other === name || !isSecondTo(entry, another)) continue;
    ctx.note?.(`note: ${other} in ${file} starts it too; kioku-mesh mcp install --repair removes it`);
  }
}
