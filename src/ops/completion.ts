import { z } from "zod";
import { defineOperation, surfaces } from "./operation.ts";
import bash from "./shells/completion.bash" with { type: "text" };
import fish from "./shells/completion.fish" with { type: "text" };
import powershell from "./shells/completion.ps1" with { type: "text" };
import zsh from "./shells/completion.zsh" with { type: "text" };

/** The scripts ask the program itself for what could be typed, so they never have to be made anew. */
const scripts = { bash, zsh, fish, powershell };

export const completion = defineOperation({
  command: "completion",
  group: "host",
  summary: "Print the script that makes a shell complete commands, flags, projects and ids.",
  examples: ["completion bash", "completion zsh", "completion fish", "completion powershell"],
  effect: "read",
  input: z.strictObject({
    shell: z
      .enum(["bash", "zsh", "fish", "powershell"])
      .describe("The shell. How to load the script is said in its first lines.")
      .register(surfaces, { cli: { positional: true } }),
  }),
  output: () => z.strictObject({ script: z.string() }),
  run: async (_ctx, { shell }) => ({ script: scripts[shell].trimEnd() }),
  text: ({ script }) => script,
});
