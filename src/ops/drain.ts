import { z } from "zod";
import { defineOperation, surfaces } from "./operation.ts";

export const drain = defineOperation({
  command: "drain",
  group: "host",
  summary: "Send what waits to go out to the mesh. A host on its own has nothing waiting.",
  examples: ["drain --pending"],
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
      .describe("Most records to send."),
  }),
  output: z.strictObject({ drained: z.int(), remaining: z.int() }),
  async run(ctx) {
    ctx.store(); // refuses what this build has no backend for
    return { drained: 0, remaining: 0 };
  },
  text: ({ drained, remaining }) => `pending_puts drain complete: drained=${drained}, remaining=${remaining}`,
});
