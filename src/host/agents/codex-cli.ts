import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ServerEntry } from "../../core/agent.ts";
import type { AgentSystem } from "./agents.ts";
import { openHookFile } from "./hook-file.ts";
import { programOnPath } from "./programs.ts";
import { openServerList } from "./server-list.ts";
import * as toml from "./toml-edit.ts";

/** Codex (command line, app and editor extension read one file), registered with by editing its configuration. */
export function codexCli({ env, home, now }: AgentSystem) {
  const directory = env.CODEX_HOME || join(home, ".codex");
  const file = join(directory, "config.toml");
  const path = ["mcp_servers"];
  const list = openServerList({ scope: "user", file, path, format: { name: "TOML", ...toml } }, now);
  return {
    client: "codex-cli" as const,
    title: "Codex CLI",
    file,
    program: programOnPath("codex", env),
    present: () => programOnPath("codex", env) !== undefined || existsSync(directory),
    lists: () => [list],
    hooks: openHookFile(join(directory, "hooks.json"), now),
    has: list.has,
    taken: (name: string) => `mcp_servers.${name} already exists in ${file}. Use --force to overwrite.`,
    plan: (name: string, entry: ServerEntry) =>
      `# would write to ${file}\n${toml.withEntry("", [...path, name], entry).trimEnd()}`,
    async register(name: string, entry: ServerEntry) {
      list.write(name, entry);
      return `wrote mcp_servers.${name} to ${file}`;
    },
    async unregister(name: string) {
      list.remove(name);
      return `removed mcp_servers.${name} from ${file}`;
    },
  };
}
