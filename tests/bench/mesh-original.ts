import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Database } from "bun:sqlite";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { payloadOf } from "../../src/core/observation.ts";
import { parseRouterFile, routerFileText } from "../../src/router/config.ts";
import { routerEnvironment } from "../../src/router/environment.ts";
import { startConfig } from "../../src/router/start-config.ts";
import { eventually, type createNetwork, type Host } from "../mesh/hosts.ts";
import { realRouter } from "../router/real-router.ts";
import { arrivals } from "./arrivals.ts";
import { memoryOf } from "./measure.ts";
import { memories } from "./memories.ts";

type Network = ReturnType<typeof createNetwork>;

const connect = "tcp/127.0.0.1:7447";
/** Few: it takes 3 ms for each, and more at each start. */
const records = 3_000;

/** Puts the lines of a file into the router, each a key and a payload, and waits until it answers with all of them. */
const fillScript = `
import sys, zenoh
config = zenoh.Config()
config.insert_json5("mode", '"client"')
config.insert_json5("connect/endpoints", '["${connect}"]')
with zenoh.open(config) as session:
    lines = open(sys.argv[1]).read().splitlines()
    for line in lines:
        session.put(*line.split("\\t"), congestion_control=zenoh.CongestionControl.BLOCK)
    while sum(1 for reply in session.get("mem/**", timeout=60.0) if reply.ok) < len(lines):
        pass
`;

/**
 * The Python original (1.2.0, in a virtual environment) on two hosts with routers of ours, which keep its storage:
 * milliseconds from a save at one's MCP server to the row in the other's database, and for reading some records for the
 * first time; megabytes of an MCP server that has them.
 */
export async function originalMeshFigures(venv: string, network: Network, [c, d]: readonly [Host, Host]) {
  const python = (host: Host, program: string) => network.commandAt(host, [join(venv, "bin", program)]);
  const envOf = (host: Host) => ({
    HOME: host.home,
    PATH: `${join(venv, "bin")}:${process.env.PATH}`,
    ZENOH_CONNECT: connect,
    KIOKU_MESH_BACKEND: "zenoh",
  });
  const children: Bun.Subprocess[] = [];

  async function startRouter(host: Host, id: string, dialled: string[]): Promise<void> {
    const listen = [connect, `tcp/${host.address}:7447`];
    const text = routerFileText({ mode: "hub", listen, connect: dialled, command: "bench" });
    const choices = { router: await realRouter(), id, port: 17_448 };
    const path = join(host.home, "zenohd.json");
    writeFileSync(path, startConfig(parseRouterFile(text, path), choices).text);
    const env = routerEnvironment(process.env, host.home);
    children.push(network.spawnAt(host, [choices.router.zenohd, "-c", path], { env }));
  }

  async function openServer(host: Host): Promise<{ client: Client; pid: number }> {
    const [command, ...args] = python(host, "kioku-mesh-mcp") as [string, ...string[]];
    const client = new Client({ name: "bench", version: "1" });
    const transport = new StdioClientTransport({ command, args, env: envOf(host), stderr: "ignore" });
    await client.connect(transport);
    await client.callTool({ name: "search_memory", arguments: { query: "anything" } }); // it reads and subscribes now
    return { client, pid: transport.pid! };
  }

  async function run(host: Host, program: string, ...argv: string[]): Promise<number> {
    const start = performance.now();
    const command = [...python(host, program), ...argv];
    const child = Bun.spawn(command, { env: envOf(host), cwd: host.home, stdout: "ignore", stderr: "pipe" });
    const err = await new Response(child.stderr).text();
    if ((await child.exited) !== 0) throw new Error(`${program} ${argv.join(" ")}: ${err}`);
    return performance.now() - start;
  }

  try {
    await startRouter(c, "c1", []);
    await startRouter(d, "d1", [`tcp/${c.address}:7447`]);
    await eventually("the original reaches its routers", async () => {
      for (const host of [c, d]) await run(host, "kioku-mesh", "status");
      return true;
    });
    const [one, other] = [await openServer(c), await openServer(d)];
    const db = new Database(join(d.home, ".local/share/kioku-mesh/index.db"), { readonly: true });
    const row = db.query("select 1 from obs_index where observation_id = ?");
    const memory = { content: "live memory", subject: "live", summary: "live memory" };
    const live = await arrivals(100, one.client, memory, (id) => row.get(id) !== null);
    db.close();
    await one.client.close();
    await other.client.close();

    const lines = [...memories(records, 99)].map((memory) => {
      const { agent_family, client_id, pc_id, session_id, observation_id } = memory;
      return `mem/mesh/obs/${agent_family}/${client_id}/${pc_id}/${session_id}/${observation_id}\t${payloadOf(memory)}`;
    });
    writeFileSync(join(c.home, "records"), lines.join("\n"));
    await run(c, "python", "-c", fillScript, join(c.home, "records"));
    const rebuild = await run(d, "kioku-mesh", "--rebuild", "status");
    const server = await openServer(d);
    const { rss } = await memoryOf(server.pid);
    await server.client.close();
    return { live: live.asked, records, rebuild, memory: rss };
  } finally {
    for (const child of children) {
      child.kill();
      await child.exited;
    }
  }
}
