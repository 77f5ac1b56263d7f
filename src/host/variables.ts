export type Env = { readonly [name: string]: string | undefined };

/**
 * Every setting that has an environment variable, by the part of its name behind the prefix. The only list there is:
 * what reads them takes its names from here, the reference is generated from it, `doctor` knows strange ones by it.
 */
export const variables = {
  BACKEND: "`local`: a memory of this machine alone; `zenoh`: a host of a mesh.",
  STATE_DIR: "The directory of the database and of this host's id.",
  AGENT_FAMILY: "The agent's family, such as `claude` or `codex`.",
  CLIENT_ID: "The installation that speaks, such as `claude-code`.",
  SESSION_ID: "The run that speaks.",
  USER_ID: "Whose memories `--visibility user` means.",
  TEAM_ID: "Which team's memories `--visibility team` means.",
  DEFAULT_VISIBILITY: "How far saves travel in a mesh: `user`, `team` or `mesh`.",
  DISABLE_INDEX: "`1`: searches read the log itself instead of the search tables.",
  FORCE_REBUILD: "`1`: every command makes the search tables anew first, as `--rebuild` does.",
  SKIP_REBUILD: "Of the Python original; has no effect. Nothing is made anew here that need not be.",
  MCP_ALLOW_TTY: "`1`: the MCP server starts on a terminal too.",
  INDEX_DB: "Of the Python original; has no effect. The search tables are inside the database.",
  ROUTER_ENDPOINT: "Of the Python original; has no effect. The router is asked where it really listens.",
  SCOPE_ISOLATION: "Of the Python original's later releases; has no effect.",
  MESSAGING_PRESENCE_MESH: "Of the Python original's later releases; has no effect.",
} as const;
export type VariableName = keyof typeof variables;

/** Prefixes in order of precedence: the later releases' of the Python original, then that of its release 0.3. */
export const prefixes = ["KIOKU_MESH_", "MESH_MEM_"] as const;

/** Variables of the system and of other programs that we look at. */
export const foreignVariables = {
  "HOME, USERPROFILE": "Where the directories are; without them, the home directory that the system knows.",
  XDG_CONFIG_HOME: "Where the configuration directory is, instead of `~/.config`.",
  LOCALAPPDATA: "Where the state directory is on Windows.",
  "USER, LOGNAME, USERNAME": "The user's name in the default client id, `user@host`.",
  "CLAUDECODE, CLAUDE_CODE_ENTRYPOINT": "Mark the agent family `claude`.",
  CODEX_SANDBOX: "Marks the agent family `codex`.",
  "GEMINI_CLI, GEMINI_SANDBOX": "Mark the agent family `gemini`.",
  CLAUDE_CONFIG_DIR: "Where Claude Code's configuration is.",
  CODEX_HOME: "Where Codex's configuration is.",
  PATH: "Where the agents' programs are, and a router of your own.",
  ZENOH_CONNECT: "Further endpoints that this host's router links to.",
  ZENOH_BACKEND_ROCKSDB_ROOT: "Where the router keeps its storage.",
} as const;

/** The variable that gives a setting its value, undefined where none is set. Empty counts as not set. */
export function variableSet(env: Env, name: VariableName): string | undefined {
  return prefixes.map((prefix) => prefix + name).find((variable) => env[variable]);
}

/** A setting's value in the environment. */
export function setting(env: Env, name: VariableName): string | undefined {
  const variable = variableSet(env, name);
  return variable && env[variable];
}

/** True where a switch is on: exactly `1`. */
export function isOn(env: Env, name: VariableName): boolean {
  return setting(env, name) === "1";
}

/** What the environment sets to no effect, in words: a variable that is no longer read, a name under our prefix that is none. */
export function idleVariables(env: Env): string[] {
  const known = new Set(prefixes.flatMap((prefix) => Object.keys(variables).map((name) => prefix + name)));
  const strange = Object.keys(env).filter(
    (name) => env[name] && prefixes.some((prefix) => name.startsWith(prefix)) && !known.has(name),
  );
  const indexDb = variableSet(env, "INDEX_DB");
  return [
    ...(indexDb ? [`${indexDb} is ignored: the search tables are inside the database`] : []),
    ...strange.toSorted().map((name) => `${name} is ignored: there is no such setting`),
  ];
}
