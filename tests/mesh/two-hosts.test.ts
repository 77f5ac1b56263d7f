import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { testWith } from "../needs.ts";
import { binary, converged, createNetwork, eventually, finds, linked, meshOf, must, save, type Host } from "./hosts.ts";

const meshTest = testWith("network namespaces", "a router");
const minutes = 60_000;

/** Asks through a host's MCP server, as an agent does. */
async function recalls(host: Host, query: string): Promise<string> {
  const env = { HOME: host.home, KIOKU_MESH_STATE_DIR: host.state };
  const transport = new StdioClientTransport({ command: binary, args: ["mcp", "serve"], env });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  try {
    const { content } = await client.callTool({ name: "search_memory", arguments: { query } });
    return (content as { text: string }[])[0]!.text;
  } finally {
    await client.close();
  }
}

meshTest(
  "two hosts: what one saves the other finds, by the command line and by MCP, and a reboot loses nothing",
  async () => {
    await using network = createNetwork(["hub", "spoke"]);
    const [hub, spoke] = network.hosts as [Host, Host];
    const processes = await meshOf([hub, spoke]);
    await eventually("they see each other", async () => (await hub.kioku(["status"])).out.includes("peer "));

    await save(hub, "written on the hub");
    await save(spoke, "written on the spoke");
    await eventually("the spoke finds it", () => finds(spoke, "written on the hub"), 5_000);
    await eventually("the hub finds it", () => finds(hub, "written on the spoke"), 5_000);
    expect(await recalls(spoke, "written on the hub")).toContain("written on the hub");
    expect(await recalls(hub, "written on the spoke")).toContain("written on the spoke");

    for (const process of processes) await process.stop("SIGKILL");
    for (const host of network.hosts) await host.start();
    await Promise.all(network.hosts.map(linked));
    await save(spoke, "after the reboot");
    await eventually("the hub finds it", () => finds(hub, "after the reboot"), 20_000);
    expect(await converged(network.hosts)).toBe(3);
    expect(await finds(hub, "written on the spoke")).toBe(true);
  },
  2 * minutes,
);

meshTest(
  "a spoke cut off and a hub killed: both sides save and delete, and end with the same memories",
  async () => {
    await using network = createNetwork(["hub", "spoke"]);
    const [hub, spoke] = network.hosts as [Host, Host];
    const [hubProcess] = await meshOf([hub, spoke]);
    const doomed = [await save(hub, "to be deleted on the hub"), await save(spoke, "to be deleted on the spoke")];
    await converged(network.hosts);

    network.plug(spoke, false);
    await must(hub.kioku(["delete", doomed[0]!]));
    await must(spoke.kioku(["delete", doomed[1]!]));
    await save(hub, "hub, alone");
    await save(spoke, "spoke, alone");
    await hubProcess!.stop("SIGKILL");
    await save(hub, "hub, without its router");
    network.plug(spoke, true);
    await hub.start();

    expect(await converged(network.hosts)).toBe(7); // five observations and two tombstones
    for (const host of network.hosts) {
      for (const text of ["hub, alone", "spoke, alone", "hub, without its router"]) {
        expect([host.name, text, await finds(host, text)]).toEqual([host.name, text, true]);
      }
      expect([host.name, await finds(host, "to be deleted")]).toEqual([host.name, false]);
    }
  },
  3 * minutes,
);

meshTest(
  "a host that lost its disk gets everything back by joining again",
  async () => {
    await using network = createNetwork(["hub", "spoke"]);
    const [hub, spoke] = network.hosts as [Host, Host];
    const [, spokeProcess] = await meshOf([hub, spoke]);
    for (let i = 0; i < 20; i++) await save(i % 2 ? hub : spoke, `memory number ${i}`);
    await converged(network.hosts);
    await spokeProcess!.stop();
    rmSync(spoke.state, { recursive: true });
    rmSync(join(spoke.home, ".config"), { recursive: true });

    const code = (await must(hub.kioku(["mesh", "invite"]))).out.trimEnd().split("\n").at(-1)!;
    await must(spoke.kioku(["init", "--mode", "spoke", "--join", "-"], `${code}\n`));
    await spoke.start();
    await linked(spoke);
    expect(await converged(network.hosts)).toBe(20);
    expect(await finds(spoke, "memory number 6")).toBe(true);
  },
  2 * minutes,
);
