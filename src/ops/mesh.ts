import { z } from "zod";
import { amount } from "../core/amount.ts";
import { UserError } from "../core/errors.ts";
import { meshOf, type Context } from "./context.ts";
import { list, text } from "./fields.ts";
import { meshState, meshStateSchema, peerLines, sessionLines } from "./mesh-state.ts";
import { defineOperation, surfaces } from "./operation.ts";

/** The port on which `mesh start` listens, so that it does not meet a router that is already there. */
const startPort = 17447;

const joinHint = "on the other host: kioku-mesh mesh join -    (and paste the code)";
/** To a host, a mesh with a new key is another mesh. */
const rejoinHint = "on the other host: kioku-mesh mesh join --merge -    (and paste the code)";

/** Whether a text is a join code rather than an address. */
export function isJoinCode(word: string): boolean {
  return /^kioku(relay)?\d+_/i.test(word.trim());
}

/** Said where a join code was given in a way that others can see. */
export const secretWarning =
  "warning: a join code as an argument can be read by every user of this machine; `-` reads it from standard input";

/** Said where a host goes open. */
export const openWarning = "an open mesh: whoever reaches its endpoints can read, change and delete what is here";

export const meshRun = defineOperation({
  command: "mesh run",
  group: "mesh",
  summary: "Take part in the mesh that `init` has set up, until interrupted.",
  examples: ["mesh run"],
  exits: { 4: "Another process of this host takes part already." },
  effect: "write",
  input: z.strictObject({}),
  output: () => z.strictObject({}),
  async run(ctx) {
    const { mesh, self } = await meshOf(ctx);
    await mesh.run(self.interrupted());
    return {};
  },
  text: () => "",
});

export const meshStart = defineOperation({
  command: "mesh start",
  group: "mesh",
  summary: "Open a mesh for as long as this command runs. Memories stay on each host.",
  examples: ["mesh start", "mesh start --listen 192.168.1.10:17447"],
  exits: { 4: "Another process of this host takes part already." },
  effect: "write",
  input: z.strictObject({
    listen: list
      .default([`0.0.0.0:${startPort}`])
      .describe("Endpoint to listen on.")
      .register(surfaces, { cli: { metavar: "ENDPOINT" } }),
    open: z.boolean().default(false).describe("Without key and encryption: everyone who reaches it reads and writes."),
  }),
  output: () => z.strictObject({}),
  async run(ctx, { listen, open }) {
    const { mesh, self } = await meshOf(ctx);
    mesh.ensureMembership(open);
    if (open) ctx.note?.(openWarning);
    const addresses = mesh.addressesOf(listen, open);
    const wide = listen.some((endpoint) => /(^|\/)(0\.0\.0\.0|\[?::\]?)(:\d+)?$/.test(endpoint))
      ? " (all interfaces)"
      : "";
    await ctx.say?.(`Router listening on ${listen.join(", ")}${wide}.`);
    if (open) await ctx.say?.(`  on other hosts: kioku-mesh mesh join --open ${addresses[0] ?? "<ip>"}`);
    else {
      await ctx.say?.("  on other hosts: kioku-mesh mesh join -    (and paste this code)");
      await ctx.say?.(`  ${(await mesh.invite({ relay: false, addresses })).code}`);
    }
    await ctx.say?.("Press Ctrl-C to stop.");
    await mesh.runEphemeral({ listen, connect: [], open }, self.interrupted());
    return {};
  },
  text: () => "",
});

export const meshJoin = defineOperation({
  command: "mesh join",
  group: "mesh",
  summary: "Join a mesh, by a join code or by a peer's address.",
  examples: ["mesh join -", "mesh join --open 192.168.1.10:17447"],
  exits: { 4: "This host's memory is of another mesh (see --merge), or another process takes part already." },
  effect: "write",
  input: z.strictObject({
    peer: text
      .describe("A join code (`-`: from standard input, not shown on a terminal), or addresses with commas between.")
      .register(surfaces, { cli: { positional: true, secret: "join code", metavar: "PEER|CODE" } }),
    open: z.boolean().default(false).describe("The mesh is open: it has no key."),
    merge: z.boolean().default(false).describe("Share this host's memory although it has been part of another mesh."),
  }),
  output: () => z.strictObject({ joined: z.boolean(), sharing: z.int() }),
  async run(ctx, { peer, open, merge }) {
    if (!isJoinCode(peer)) return await joinPeers(ctx, peer.split(","), open);
    const { mesh, self } = await meshOf(ctx);
    const { addresses, sharing, relay } = await mesh.join(peer, merge);
    ctx.note?.(
      relay
        ? "this host relays the mesh; it cannot read it"
        : `sharing ${amount(sharing, "memory", "memories")} with the mesh`,
    );
    if (self.isArgument(peer)) ctx.note?.(secretWarning);
    if (mesh.configuredMode() || relay) return { joined: true, sharing };
    // The key is stored: what goes on needs no more than addresses, so no process list shows the code any longer.
    if (self.isArgument(peer)) await self.replace(["mesh", "join", addresses.join(",")]);
    return await joinPeers(ctx, addresses, false);
  },
  text: ({ joined }) => (joined ? "joined: a running `kioku-mesh mesh run` takes part from now on" : ""),
});

async function joinPeers(ctx: Context, peers: readonly string[], open: boolean) {
  const { mesh, self } = await meshOf(ctx);
  if (peers.every((peer) => peer.trim() === "")) {
    throw new UserError("usage", "there is no address to dial", {
      hint: "on the other host: mesh invite --address HOST:PORT",
    });
  }
  if (open) {
    mesh.ensureMembership(true);
    ctx.note?.(openWarning);
  }
  if (!mesh.hasMembership(open)) {
    throw new UserError("usage", "this host has no key of the mesh", {
      hint: "kioku-mesh mesh join -    (and paste the code of `mesh start` or `mesh invite`); or --open",
    });
  }
  await ctx.say?.(`Joining ${peers.join(", ")}. Saves of peers are stored on this host.`);
  await ctx.say?.("Press Ctrl-C to stop.");
  await mesh.runEphemeral({ listen: [], connect: peers, open }, self.interrupted());
  return { joined: false, sharing: 0 };
}

export const meshInvite = defineOperation({
  command: "mesh invite",
  group: "mesh",
  summary: "Print the join code for another host, which can then read everything.",
  examples: ["mesh invite", "mesh invite --relay"],
  effect: "read",
  input: z.strictObject({
    relay: z.boolean().default(false).describe("For a router that someone else runs: it can link, and read nothing."),
    address: list
      .default([])
      .describe("Address by which this mesh can be dialled, instead of those that this host knows.")
      .register(surfaces, { cli: { metavar: "HOST:PORT" } }),
  }),
  output: () => z.strictObject({ code: z.string(), addresses: z.array(z.string()) }),
  run: async (ctx, { relay, address }) => (await meshOf(ctx)).mesh.invite({ relay, addresses: address }),
  text: ({ code, addresses }, { relay }) =>
    [
      `dials: ${addresses.join(", ") || "nothing (add --address HOST:PORT)"}`,
      relay ? "on the relay: kioku-mesh init --mode hub --join -    (and paste the code)" : joinHint,
      code,
    ].join("\n"),
});

export const meshPeers = defineOperation({
  command: "mesh peers",
  group: "mesh",
  summary: "Show the peers: who is there, and whether their memories are ours.",
  examples: ["mesh peers"],
  effect: "read",
  input: z.strictObject({}),
  output: () => z.strictObject({ mesh: meshStateSchema.optional() }),
  async run(ctx) {
    const mesh = meshState(ctx);
    return mesh ? { mesh } : {};
  },
  text({ mesh }) {
    if (!mesh) return "this host belongs to no mesh";
    const state = mesh.running
      ? mesh.linked
        ? "in the mesh"
        : "its router does not answer"
      : "`mesh run` does not run";
    if (mesh.relay) return `this host: a relay, which can read nothing of the mesh; ${state}`;
    return [
      `this host: ${state}; ${amount(mesh.records, "record")}, fingerprint ${mesh.fingerprint.slice(0, 16)}, ${mesh.pending} pending`,
      ...(mesh.peers.length > 0 ? [] : ["  no peer is there"]),
      ...peerLines(mesh),
      ...sessionLines(mesh),
      ...mesh.duplicate_hosts.map((host) => `  two machines call themselves ${host}: was a disk cloned?`),
      ...Object.entries(mesh.dropped).map(([reason, count]) => `  dropped ${count}: ${reason}`),
    ].join("\n");
  },
});

export const meshLeave = defineOperation({
  command: "mesh leave",
  group: "mesh",
  summary: "Take this host out of its mesh. The key goes, the memory stays.",
  examples: ["mesh leave --yes"],
  exits: { 1: "Cancelled." },
  effect: "destroy",
  input: z.strictObject({ yes: z.boolean().default(false).describe("Do it without asking.") }),
  output: () => z.strictObject({ removed: z.array(z.string()), disable: z.string().optional() }),
  async run(ctx, { yes }) {
    await requireYes(ctx, yes, "Leave the mesh? Its key is removed from this host;");
    return await (await meshOf(ctx)).mesh.leave();
  },
  text: ({ removed, disable }) =>
    [
      ...removed.map((path) => `removed ${path}`),
      ...(disable ? [`its service is still installed: ${disable}`] : []),
      "left the mesh; the memory stays here",
    ].join("\n"),
});

export const meshRotateKey = defineOperation({
  command: "mesh rotate-key",
  group: "mesh",
  summary: "Make a new key: hosts without the new join code are out.",
  examples: ["mesh rotate-key --yes"],
  exits: { 1: "Cancelled." },
  effect: "destroy",
  input: z.strictObject({ yes: z.boolean().default(false).describe("Do it without asking.") }),
  output: () => z.strictObject({ code: z.string(), addresses: z.array(z.string()) }),
  async run(ctx, { yes }) {
    await requireYes(ctx, yes, "Make a new key? Every other host must join again;");
    return await (await meshOf(ctx)).mesh.rotateKey();
  },
  text: ({ code }) => `the mesh has a new key; each other host joins again\n${rejoinHint}\n${code}`,
});

async function requireYes(ctx: Context, yes: boolean, question: string): Promise<void> {
  if (yes) return;
  const answer = await ctx.confirm?.(question);
  if (answer === true) return;
  if (answer === false) throw new UserError("usage", "cancelled.", { literal: true, exit: 1 });
  throw new UserError("usage", "this needs a confirmation", { hint: "--yes confirms where nobody is there to ask" });
}
