import { existsSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { list, text } from "./fields.ts";
import { offerImport } from "./offer-import.ts";
import { initMesh, meshSetup, meshSetupText } from "./init-mesh.ts";
import { secretWarning } from "./mesh.ts";
import { defineOperation, surfaces } from "./operation.ts";

const config = "backend: local\n";

export const init = defineOperation({
  command: "init",
  group: "host",
  summary: "Write the configuration of this host.",
  examples: ["init", "init --print"],
  exits: { 1: "There is a configuration already." },
  effect: "write",
  input: z.strictObject({
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
      .register(surfaces, { cli: { secret: true, metavar: "CODE" } }),
  }),
  output: z.strictObject({
    path: z.string(),
    config: z.string(),
    written: z.boolean(),
    mesh: meshSetup.optional(),
  }),
  async run(ctx, given) {
    const { listen, connect, out, force, print, install_systemd: service, open, join: joinCode } = given;
    const mode = given.mode ?? (service ? "localhost" : "local");
    if (mode !== "local") {
      if (joinCode !== undefined && ctx.self?.isArgument(joinCode)) ctx.note?.(secretWarning);
      const done = await initMesh(ctx, { mode, listen, connect, open, joinCode, out, force, print, service });
      const { file, ...mesh } = done;
      return { path: file.path, config: file.text, written: file.written, mesh: { mode, ...mesh } };
    }
    if (service) throw new UserError("usage", "--install-systemd is not used with --mode local");
    if (open || joinCode !== undefined) {
      throw new UserError("usage", `--${open ? "open" : "join"} is not used with --mode local`);
    }
    if (listen.length > 0 || connect.length > 0) {
      throw new UserError("usage", `--${listen.length > 0 ? "listen" : "connect"} is not used with --mode local`);
    }
    const path = ctx.paths.config;
    if (print) return { path, config, written: false };
    if (out !== undefined) ctx.note?.(`note: --out is not used with --mode local; the configuration is ${path}`);
    if (existsSync(path) && !force) {
      throw new UserError("conflict", `${path} already exists. Use --force to overwrite.`, { exit: 1 });
    }
    ctx.writeFile(path, config);
    await offerImport(ctx);
    return { path, config, written: true };
  },
  text({ path, config, written, mesh }, { print }) {
    if (mesh && !print) return meshSetupText(path, written, mesh);
    const { service } = mesh ?? {};
    const unit = service ? `\n\n# --- systemd unit (${service.path}) ---\n\n${service.text.trimEnd()}` : "";
    if (!written) return config.trimEnd() + unit;
    return `wrote ${path}\nlocal backend ready — no zenohd required.\nnext: kioku-mesh save "hello local"`;
  },
});
