import { existsSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../core/errors.ts";
import { list, text } from "./fields.ts";
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
      .default("local")
      .describe("`local`: a memory of this host alone. The others are hosts of a mesh, which this build is not.")
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
    install_systemd: z.boolean().default(false).describe("Install the router as a service (hosts of a mesh)."),
  }),
  output: z.strictObject({ path: z.string(), config: z.string(), written: z.boolean() }),
  async run(ctx, { mode, listen, connect, out, force, print, install_systemd }) {
    if (mode !== "local" || install_systemd) {
      throw new UserError(
        "usage",
        `a mesh (${mode === "local" ? "--install-systemd" : `--mode ${mode}`}) is not in this build`,
        {
          hint: "`kioku-mesh init` sets up a memory of this host alone",
        },
      );
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
    return { path, config, written: true };
  },
  text({ path, config, written }) {
    if (!written) return config.trimEnd();
    return `wrote ${path}\nlocal backend ready — no zenohd required.\nnext: kioku-mesh save "hello local"`;
  },
});
