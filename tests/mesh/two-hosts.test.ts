import { expect } from "bun:test";
import { testWith } from "../needs.ts";
import { connectAgent } from "./agent.ts";
import { converged, createNetwork, eventually, finds, linked, meshOf, save, type Host } from "./hosts.ts";

const meshTest = testWith("network namespaces", "a router");
const minutes = 60_000;

/** Asks through a host's MCP server, as an agent does. */
async function recalls(host: Host, query: string): Promise<string> {
  await using agent = await connectAgent(host);
  return await agent.call("search_memory", { query });
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
