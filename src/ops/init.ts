import { existsSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../core/errors.ts";
import type { Context } from "./context.ts";
import { list, text } from "./fields.ts";
import { offerImport } from "./offer-import.ts";
import { initMesh, meshSetup, meshSetupText } from "./init-mesh.ts";
import { secretWarning } from "./mesh.ts";
import { defineOperation, surfaces } from "./operation.ts";

const config = "backend: local\n";

const input = z.strictObject({
  mode: z
    .enum(["local", "hub", "spoke", "localhost"])
    .optional()
    .describe("`local` (what it is without): a memory of this host alone; `hub` and `spoke`: hosts of a mesh.")
    .register(surfaces, { cli: { metavar: "MODE" } }),
  listen: list
    .default([])
    .describe("Endpoint to listen on (hosts of a mesh).")
    .register(surfaces, { cli: { metavar: "ENDPOINT" } }),
  connect: list
    .default([])
    .describe("Endpoint to dial (hosts of a mesh).")
    .register(surfaces, { cli: { metavar: "ENDPOINT" } }),
  out: text
    .optional()
    .describe("Where the router's configuration goes (hosts of a mesh).")
    .register(surfaces, { cli: { metavar: "PATH" } }),
  force: z.boolean().default(false).describe("Write over a configuration that is there."),
  print: z.boolean().default(false).describe("Print the configuration instead of writing it."),
  install_systemd: z
    .boolean()
    .default(false)
    .describe("Install a user service that takes part in the mesh (without a mode: of what is configured)."),
  open: z.boolean().default(false).describe("A mesh without key and encryption, for trusted networks alone."),
  join: text
    .optional()
    .describe("Join code of a mesh; `-` reads it from standard input, not shown on a terminal.")
    .register(surfaces, { cli: { secret: "join code", metavar: "CODE" } }),
  merge: z
    .boolean()
    .default(false)
    .describe("With --join or --open: share this host's memory although it is of another mesh."),
});

const output = () =>
  z.strictObject({
    path: z.string(),
    config: z.string(),
    written: z.boolean(),
    mesh: meshSetup.optional(),
  });

export const init = defineOperation({
  command: "init",
  group: "host",
  summary: "Write the configuration of this host.",
  examples: ["init", "init --print"],
  exits: {
    1: "There is a configuration already.",
    4: "This host, or its memory, is of another mesh (see --merge).",
  },
  effect: "write",
  input,
  output,
  async run(ctx, given) {
    const { mode, listen, connect, out, force, print, install_systemd: service, open, join: joinCode, merge } = given;
    if (mode === "local" || (mode === undefined && !service)) return await initAlone(ctx, given);
    if (joinCode !== undefined && ctx.self?.isArgument(joinCode)) ctx.note?.(secretWarning);
    const setup = { mode, listen, connect, open, joinCode, merge, out, force, print, service };
    const { file, ...mesh } = await initMesh(ctx, setup);
    if (file.written) await offerImport(ctx);
    return { path: file.path, config: file.text, written: file.written, mesh };
  },
  text({ path, config, written, mesh }, { print }) {
    if (mesh && !print) return meshSetupText(path, written, mesh);
    const { service } = mesh ?? {};
    const kind = service?.path.endsWith(".plist") ? "launchd agent" : "systemd unit";
    const unit = service ? `\n\n# --- ${kind} (${service.path}) ---\n\n${service.text.trimEnd()}` : "";
    if (!written) return config.trimEnd() + unit;
    return `wrote ${path}\nlocal backend ready — no zenohd required.\nnext: kioku-mesh save "hello local"`;
  },
});

/** A memory of this host alone. */
async function initAlone(ctx: Context, given: z.output<typeof input>): Promise<z.output<ReturnType<typeof output>>> {
  const { install_systemd: service, open, join: joinCode, listen, connect, force, print, out } = given;
  const strange = {
    "install-systemd": service,
    open,
    join: joinCode !== undefined,
    listen: listen.length > 0,
    connect: connect.length > 0,
  };
  for (const [flag, isGiven] of Object.entries(strange)) {
    if (isGiven) throw new UserError("usage", `--${flag} is not used with --mode local`);
  }
  const path = ctx.paths.config;
  if (print) return { path, config, written: false };
  if (out !== undefined) ctx.note?.(`note: --out is not used with --mode local; the configuration is ${path}`);
  if (existsSync(path) && !force) {
    await offerImport(ctx); // who comes from the Python program has a configuration of it
    throw new UserError("conflict", `${path} already exists. Use --force to overwrite.`, { exit: 1 });
  }
  ctx.writeFile(path, config);
  await offerImport(ctx);
  return { path, config, written: true };
}
