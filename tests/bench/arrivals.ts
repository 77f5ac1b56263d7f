import type { Client } from "@modelcontextprotocol/sdk/client/index.js";

/**
 * Saves through a client, at intervals by chance: milliseconds until the memory has arrived, from when the save was asked
 * for, and from its reply.
 */
export async function arrivals(
  turns: number,
  client: Client,
  memory: { content: string; [field: string]: string },
  hasArrived: (id: string) => boolean,
): Promise<{ asked: number[]; answered: number[] }> {
  const warmUp = 5;
  const times = { asked: [] as number[], answered: [] as number[] };
  for (let i = 0; i < turns + warmUp; i++) {
    const asked = performance.now();
    const answer = await client.callTool({
      name: "save_observation",
      arguments: { ...memory, content: `${memory.content} ${i}` },
    });
    const answered = performance.now();
    const id = /[0-9a-f]{32}/.exec(JSON.stringify(answer))?.[0];
    if (id === undefined) throw new Error(JSON.stringify(answer));
    while (!hasArrived(id)) await Bun.sleep(0.5);
    const arrived = performance.now();
    if (i >= warmUp) {
      times.asked.push(arrived - asked);
      times.answered.push(arrived - answered);
    }
    await Bun.sleep(50 + 100 * Math.random());
  }
  return times;
}
