import { join } from "node:path";
import { readRunning } from "../../src/router/running.ts";
import type { createNetwork, Host } from "./hosts.ts";
import type { Intrusion } from "./intruder.ts";

type Network = Pick<ReturnType<typeof createNetwork>, "spawnAt">;

/** Milliseconds for an intrusion. The client library itself tries for half an hour where the router has just died. */
const patience = 20_000;

/** Where a host's router listens for its replicator. */
export function portOf(host: Host): number {
  return readRunning(join(host.state, "mesh"))!.port;
}

/** Runs the intruder in a host's namespace. */
export async function runIntruder(network: Network, host: Host, args: string[], stdin = ""): Promise<string> {
  const options = { cwd: join(import.meta.dir, "../.."), stdin: Buffer.from(stdin), timeout: patience };
  const script = [process.execPath, "--preload", "./build/wasm-esm.ts", join(import.meta.dir, "intruder.ts")];
  const child = network.spawnAt(host, [...script, ...args], options);
  const [out, err] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
  if ((await child.exited) !== 0) throw new Error(err);
  return out!;
}

/** Does something at the WebSocket of a host's router, as another local user; gives what was read there. */
export async function intrude(
  network: Network,
  host: Host,
  what: Omit<Intrusion, "port">,
): Promise<{ [name: string]: string }> {
  return JSON.parse(await runIntruder(network, host, [], JSON.stringify({ port: portOf(host), ...what })));
}
