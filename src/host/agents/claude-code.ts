import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseObject } from "../../core/json.ts";
import { UserError } from "../../core/errors.ts";
import type { ServerEntry } from "../../core/agent.ts";
import type { AgentSystem } from "./agents.ts";
import { readConfig } from "./config-file.ts";
import { openHookFile } from "./hook-file.ts";
import * as json from "./json-edit.ts";
import { programOnPath, shellQuoted } from "./programs.ts";
import { openServerList } from "./server-list.ts";

/** How long Claude Code's own program may take to change its configuration. */
const patience = 60_000;

/**
 * Claude Code. Its own program registers, since it may be running and writes its file itself; where there is only its
 * configuration (or the program is a script that cannot be started without a shell), the file is edited.
 */
export function claudeCode({ env, home, workingDirectory, now }: AgentSystem) {
  const directory = env.CLAUDE_CONFIG_DIR || join(home, ".claude");
  const legacy = join(directory, ".config.json");
  const file = existsSync(legacy) ? legacy : join(env.CLAUDE_CONFIG_DIR || home, ".claude.json");
  const format = { name: "JSON", ...json };
  const found = programOnPath("claude", env);
  const program = found && /\.(cmd|bat|ps1)$/i.test(found) ? undefined : found;
  const user = openServerList({ scope: "user", file, path: ["mcpServers"], format }, now);

  /** The lists that hold for one directory: the user's own for its repository, and the repository's. */
  function localLists() {
    const here = workingDirectory();
    const project = projectKey(file, here);
    const path = project === undefined ? [] : ["projects", project, "mcpServers"];
    return [
      ...(project === undefined ? [] : [openServerList({ scope: "local", file, path, format }, now)]),
      openServerList({ scope: "project", file: join(here, ".mcp.json"), path: ["mcpServers"], format }, now),
    ];
  }

  async function run(...args: string[]): Promise<void> {
    const child = Bun.spawn([program!, ...args], {
      env: { ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: patience,
    });
    const [, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const status = await child.exited;
    if (status === 0) return;
    const [verb] = args.slice(1);
    throw new UserError("unavailable", `claude mcp ${verb} failed (rc=${status}): ${said.trim()}`, { exit: 1 });
  }

  const words = (name: string, { command, args, env: variables }: ServerEntry) => [
    "mcp",
    "add",
    name,
    "-s",
    "user",
    ...Object.entries(variables).flatMap(([key, value]) => ["-e", `${key}=${value}`]),
    "--",
    command,
    ...args,
  ];

  return {
    client: "claude-code" as const,
    title: "Claude Code",
    file,
    program,
    present: () => found !== undefined || existsSync(directory) || existsSync(file),
    lists: () => [user, ...localLists()],
    hooks: openHookFile(join(directory, "settings.json"), now),
    has: user.has,
    taken: (name: string) => `'${name}' is already registered with Claude Code. Use --force to overwrite.`,
    plan(name: string, entry: ServerEntry) {
      if (program && !user.has(name)) return [program, ...words(name, entry)].map(shellQuoted).join(" ");
      return `# would write to ${file}\n${json.withEntry("", ["mcpServers", name], entry).trimEnd()}`;
    },
    async register(name: string, entry: ServerEntry) {
      if (!program || user.has(name)) {
        user.write(name, entry); // its program would have to remove the old entry first, and could fail at the second step
        return `registered ${name} with Claude Code in ${file}`;
      }
      await run(...words(name, entry));
      return `registered ${name} with Claude Code via ${program}`;
    },
    async unregister(name: string) {
      if (program) await run("mcp", "remove", name, "-s", "user");
      else user.remove(name);
      return `removed ${name} from Claude Code ${program ? `via ${program}` : `in ${file}`}`;
    },
  };
}

/** The key of Claude Code's `projects` that holds for a directory: it, or the nearest one above. */
function projectKey(file: string, directory: string): string | undefined {
  const { projects } = parseObject(readConfig(file) ?? "") ?? {};
  if (projects === null || typeof projects !== "object" || !existsSync(directory)) return undefined;
  for (let at = realpathSync(directory); ; at = dirname(at)) {
    if (Object.hasOwn(projects, at)) return at;
    if (dirname(at) === at) return undefined;
  }
}
