import { z } from "zod";
import { meshOf, type Context } from "./context.ts";
import { text } from "./fields.ts";
import { defineOperation } from "./operation.ts";

const router = () => z.strictObject({ version: z.string(), path: z.string() });

export const zenohdInstall = defineOperation({
  command: "zenohd install",
  group: "mesh",
  summary: "Provide the router where this build carries none, or another one.",
  examples: ["zenohd install", "zenohd install --from zenoh.tar.xz"],
  effect: "write",
  input: z.strictObject({
    from: text
      .optional()
      .describe("A directory, an archive or a URL instead of upstream's release; with its SHA256SUMS."),
    version: text.optional().describe("A Zenoh release, instead of the one this build was tested with."),
  }),
  output: router,
  run: async (ctx, { from, version }) => (await routerOf(ctx)).install(from, version),
  text: ({ version, path }) => `installed zenohd ${version}: ${path}`,
});

export const zenohdPath = defineOperation({
  command: "zenohd path",
  group: "mesh",
  summary: "Print where the router is, or will be after its first use.",
  examples: ["zenohd path"],
  effect: "read",
  input: z.strictObject({}),
  output: router,
  run: async (ctx) => (await routerOf(ctx)).locate(),
  text: ({ path }) => path,
});

export const zenohdVersion = defineOperation({
  command: "zenohd version",
  group: "mesh",
  summary: "Print the version of the router.",
  examples: ["zenohd version"],
  effect: "read",
  input: z.strictObject({}),
  output: router,
  run: async (ctx) => (await routerOf(ctx)).locate(),
  text: ({ version }) => version,
});

export const zenohdVerify = defineOperation({
  command: "zenohd verify",
  group: "mesh",
  summary: "Check the router's files, and that it runs on this machine.",
  examples: ["zenohd verify"],
  effect: "read",
  input: z.strictObject({}),
  output: router,
  run: async (ctx) => (await routerOf(ctx)).verify(),
  text: ({ version, path }) => `zenohd ${version} is whole and runs: ${path}`,
});

async function routerOf(ctx: Context) {
  const { mesh } = await meshOf(ctx);
  return mesh.router;
}
