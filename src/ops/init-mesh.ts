import { z } from "zod";
import { amount } from "../core/amount.ts";
import { UserError } from "../core/errors.ts";
import { meshOf, type Context } from "./context.ts";
import { openWarning } from "./mesh.ts";
import type { MeshMode, MeshSetup, SetUp } from "./mesh-control.ts";

type Asked = Omit<MeshSetup, "mode"> & { mode: MeshMode | undefined };
type Done = SetUp & { mode: MeshMode };

/**
 * Makes this host a hub, a spoke or a mesh of one; without a mode what it is already, else a mesh of one. Throws the
 * original's refusals.
 */
export async function initMesh(ctx: Context, asked: Asked): Promise<Done> {
  const { mesh } = await meshOf(ctx);
  const configured = asked.mode === undefined && !asked.force ? mesh.configuredMode() : undefined;
  if (configured) return { mode: configured, ...(await mesh.setUp({ ...asked, mode: configured })) };
  return await setUpAs(ctx, { ...asked, mode: asked.mode ?? "localhost" });
}

async function setUpAs(ctx: Context, setup: MeshSetup): Promise<Done> {
  const { mesh } = await meshOf(ctx);
  const { mode, connect, joinCode } = setup;
  if (mode === "localhost" && connect.length > 0) {
    throw new UserError("usage", "--connect is not used with --mode localhost.");
  }
  if (setup.open && joinCode !== undefined) {
    throw new UserError("usage", "--join is not used with --open: an open mesh has no key");
  }
  if (mode === "spoke" && connect.length === 0 && joinCode === undefined) {
    throw new UserError("usage", "--connect required for --mode spoke (the hub endpoint to dial).", {
      hint: "or --join -, with the code that `kioku-mesh mesh invite` prints on the hub",
    });
  }
  const needsListen = setup.listen.length === 0 && joinCode === undefined && mode !== "localhost";
  const listen = needsListen ? await pickListen(ctx, mode, mesh.addresses()) : setup.listen;
  const done = await mesh.setUp({ ...setup, listen });
  if (setup.open && mode !== "localhost" && !done.listen.some((endpoint) => endpoint.includes("/127.0.0.1:"))) {
    ctx.note?.(
      "note: 127.0.0.1 is not in --listen; local MCP clients will need ZENOH_CONNECT pointed at one of the listed endpoints.",
    );
  }
  return { mode, ...done };
}

/** Asks which addresses to listen on, as the original does: numbers with commas between. */
async function pickListen(ctx: Context, mode: string, addresses: readonly string[]): Promise<string[]> {
  const options = ["127.0.0.1", ...addresses, "0.0.0.0", "custom"];
  const list = options.map((option, i) => `  ${i + 1}) ${option}`).join("\n");
  const answer = await ctx.ask?.(`listen on which addresses? (numbers, with commas between)\n${list}\n> `);
  if (answer === undefined || answer === "nobody") {
    throw new UserError("usage", `--listen required for --mode ${mode} in non-interactive use`, {
      hint: "for example --listen 0.0.0.0",
    });
  }
  const words = (answer.line ?? "").split(",").map((word) => word.trim());
  const picked = words.filter(Boolean).map((word) => optionOf(word, options));
  if (picked.length === 0) throw new UserError("usage", "no selection made");
  if (!picked.includes("custom")) return picked;
  const custom = await ctx.ask?.("  custom endpoint (ip[:port] or tcp/ip:port): ");
  const typed = custom && custom !== "nobody" ? (custom.line ?? "").trim() : "";
  if (typed === "") throw new UserError("usage", "custom endpoint must not be empty");
  return picked.map((option) => (option === "custom" ? typed : option));
}

function optionOf(word: string, options: readonly string[]): string {
  if (!/^\d+$/.test(word)) throw new UserError("usage", `invalid selection: '${word}'`);
  const option = options[Number(word) - 1];
  if (option === undefined) throw new UserError("usage", `selection ${word} out of range`);
  return option;
}

const missingKey = [
  "this host still lacks the mesh's key. Give it one of two ways:",
  "  kioku-mesh mesh join -          and paste the code that `kioku-mesh mesh invite` prints on the hub",
  "  kioku-mesh init --mode spoke --open --force …     for a mesh without a key (trusted networks alone)",
].join("\n");

/** What `init` did for a host of a mesh, beside the router's file. */
export const meshSetup = z.strictObject({
  mode: z.enum(["localhost", "hub", "spoke"]),
  key: z.enum(["made", "joined", "present", "open", "missing"]),
  listen: z.array(z.string()),
  sharing: z.int().optional(),
  service: z.strictObject({ path: z.string(), text: z.string(), enable: z.string() }).optional(),
});

/** What `init` says of a host of a mesh. */
export function meshSetupText(path: string, written: boolean, setup: z.output<typeof meshSetup>): string {
  const { mode, key, service, sharing } = setup;
  const lines = [written ? `wrote ${path}` : `using existing config ${path} (unchanged)`];
  if (service)
    lines.push(`wrote ${service.path}`, `enable: ${service.enable}`, "after logout too: loginctl enable-linger");
  else lines.push("next: kioku-mesh mesh run");
  if (mode !== "localhost") lines.push('also: export ZENOH_BACKEND_ROCKSDB_ROOT="$HOME/.local/share/mesh-mem"');
  if (key === "made") lines.push("made the mesh's key; for each other host: kioku-mesh mesh invite");
  if (key === "open")
    lines.push(openWarning + (sharing === undefined ? "" : `: ${amount(sharing, "memory", "memories")}`));
  else if (sharing !== undefined)
    lines.push(`joined; shared with the mesh: ${amount(sharing, "memory", "memories")} of this host`);
  else if (key === "joined") lines.push("joined as a relay: it carries the mesh and cannot read it");
  if (key === "missing") lines.push(missingKey);
  return lines.join("\n");
}
