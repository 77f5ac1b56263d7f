import { z } from "zod";
import { defineOperation, surfaces } from "./operation.ts";

/** How long, in milliseconds, one synchronisation may take. */
const patience = 30_000;

export const drain = defineOperation({
  command: "drain",
  group: "host",
  summary: "Send what waits to go out to the mesh. A host on its own has nothing waiting.",
  examples: ["drain --pending"],
  exits: { 1: "Not all of it could be sent yet." },
  effect: "write",
  tool: {
    name: "drain_pending_puts",
    title: "Send what is pending",
    description: "Send what waits to go out to the mesh. Saves go out by themselves: this is for troubleshooting.",
    structured: ["drained", "remaining"],
  },
  input: z.strictObject({
    pending: z
      .boolean()
      .optional()
      .describe("What is pending: the one thing there is to drain.")
      .register(surfaces, { cli: { demanded: "drain currently only supports --pending." }, mcp: false }),
    limit: z
      .int({ error: "must be 1 or greater." })
      .min(1, "must be 1 or greater.")
      .optional()
      .describe("No effect: all that waits goes."),
  }),
  output: () => z.strictObject({ drained: z.int(), remaining: z.int() }),
  async run(ctx) {
    if (ctx.settings().backend === "local") return { drained: 0, remaining: 0 };
    if (!ctx.mesh) return { drained: 0, remaining: ctx.store().pending() }; // an agent's server joins no network
    const { moved, pending, reached } = await (await ctx.mesh()).synchronise(patience, false);
    if (!reached && pending > 0) ctx.note?.(`nobody could be reached within ${patience / 1_000} s; nothing is lost`);
    return { drained: moved, remaining: pending };
  },
  status: ({ remaining }) => (remaining === 0 ? 0 : 1),
  text: ({ drained, remaining }) => `pending_puts drain complete: drained=${drained}, remaining=${remaining}`,
});
