import { dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { visibilities, type Visibility } from "../core/observation.ts";
import { readSmallFile } from "./files.ts";
import { isOn, setting, variableSet, type Env, type VariableName } from "./variables.ts";

/** Where a setting may come from, and in which order: a flag wins, then what follows it here, left to right. */
interface SettingSources {
  flag?: string;
  variable?: VariableName;
  projectFile?: string;
  userFile?: string;
  fallback: string;
}

/** The settings and their sources: what `readSettings` follows, and what the reference shows. */
export const settingSources = {
  backend: { variable: "BACKEND", userFile: "backend", fallback: "local" },
  project: { flag: "--project", projectFile: "project", fallback: "" },
  tags: { flag: "--tags", projectFile: "tags", fallback: "" },
  visibility: {
    flag: "--visibility",
    variable: "DEFAULT_VISIBILITY",
    projectFile: "default_visibility",
    userFile: "default_visibility",
    fallback: "mesh",
  },
  userId: { variable: "USER_ID", userFile: "user_id", fallback: "" },
  teamId: { variable: "TEAM_ID", userFile: "team_id", fallback: "" },
} as const satisfies { [setting: string]: SettingSources };

/** The version of the configuration file that this build reads. A file without `version` is of the first. */
const configVersion = 1;

/** The name of the file with which a repository labels the memories saved in it. */
export const projectFileName = ".kioku-mesh.yaml";

type Fields = { readonly [key: string]: unknown };

/**
 * What configuration says; flags come above it, in the operations. A project file arrives with someone's repository: it
 * is read for saves alone, labels them and may narrow their reach, no more. Throws UserError where a file is broken.
 */
export function readSettings(env: Env, configPath: string, directory: () => string) {
  const user = readConfig(configPath);

  function read(name: keyof typeof settingSources): string {
    const { variable, userFile, fallback }: SettingSources = settingSources[name];
    const given = variable && setting(env, variable);
    return given ?? (userFile ? (text(user, userFile, configPath) ?? fallback) : fallback);
  }

  return {
    backend: oneOf(["local", "zenoh"], read("backend"), originOf("BACKEND", env, configPath)),
    userId: read("userId"),
    teamId: read("teamId"),
    disableIndex: isOn(env, "DISABLE_INDEX"),
    /** Every command makes the search tables anew. */
    rebuild: isOn(env, "FORCE_REBUILD"),
    /** Keys of the file that this build does not know, and leaves alone. */
    strangeKeys: Object.keys(user).filter((key) => key !== "version" && !knownKeys.has(key)),
    /** What a save takes where the caller names none. */
    save() {
      const { path, fields } = readProjectFile(directory());
      const { projectFile } = settingSources.visibility;
      const own = oneOf(visibilities, read("visibility"), originOf("DEFAULT_VISIBILITY", env, configPath));
      const asked = text(fields, projectFile, path);
      return {
        project: labelIn(path, text(fields, settingSources.project.projectFile, path) ?? ""),
        tags: texts(fields, settingSources.tags.projectFile, path).map((tag) => labelIn(path, tag)),
        visibility: asked === undefined ? own : narrower(own, oneOf(visibilities, asked, path)),
      };
    },
  } as const;
}

const knownKeys = new Set(Object.values(settingSources).map((sources: SettingSources) => sources.userFile));

/** Which of two reaches is the smaller. */
function narrower(own: Visibility, asked: Visibility): Visibility {
  const reach = ["user", "team", "mesh", ""];
  return reach.indexOf(asked) < reach.indexOf(own) ? asked : own;
}

function readConfig(path: string): Fields {
  const fields = readYaml(path, "correct it, or write a new one with `kioku-mesh init --force`") ?? {};
  const { version = configVersion } = fields;
  if (Number(version) <= configVersion) return fields;
  throw new UserError("corrupt", `${path} is of version ${String(version)}, this build reads ${configVersion}`, {
    hint: "install a newer release of kioku-mesh; nothing was changed",
  });
}

/** The nearest project file from a directory upward, empty where there is none. */
function readProjectFile(directory: string): { path: string; fields: Fields } {
  for (let at = directory; ; at = dirname(at)) {
    const path = join(at, projectFileName);
    const fields = readYaml(path, "correct it or remove it");
    if (fields || dirname(at) === at) return { path, fields: fields ?? {} };
  }
}

/** The mapping in a YAML file; undefined where there is no such file. Throws UserError where it is broken. */
function readYaml(path: string, hint: string): Fields | undefined {
  const source = readSmallFile(path);
  if (source === undefined) return undefined;
  let value: unknown;
  try {
    value = plainMapping(source) ?? parseYaml(source) ?? {};
  } catch (cause) {
    throw new UserError("usage", `${path} is no valid YAML`, { hint, cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new UserError("usage", `${path} is no mapping of settings`, { hint });
}

/**
 * The mapping of a file of `key: word` lines and comments, as ours are: it needs no parser, whose loading takes 5 ms of
 * every start. Undefined where there is anything else, and where YAML would read a word as more than a text.
 */
function plainMapping(source: string): Fields | undefined {
  const lines = source.split(/\r?\n/).filter((line) => !/^\s*(#.*)?$/.test(line));
  const pairs = lines.map((line) => /^([a-z_]+): ([A-Za-z][\w./@-]*)\s*$/.exec(line)?.slice(1) ?? []);
  const keys = new Set(pairs.map(([key]) => key));
  const isPlain = pairs.every(([key, word]) => key && word && !/^(true|false|null|y|yes|n|no|on|off)$/i.test(word));
  return isPlain && keys.size === pairs.length ? Object.fromEntries(pairs) : undefined;
}

function parseYaml(source: string): unknown {
  const { parseYAML } = require("confbox/yaml") as typeof import("confbox/yaml");
  return parseYAML(source);
}

function text(fields: Fields, key: string, path: string): string | undefined {
  const value = fields[key] ?? undefined;
  if (value === undefined || typeof value === "string") return value || undefined;
  throw new UserError("usage", `'${key}' in ${path} is no text`, { hint: `write it as \`${key}: "..."\`` });
}

function texts(fields: Fields, key: string, path: string): string[] {
  const value = fields[key] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new UserError("usage", `'${key}' in ${path} is no list of texts`, { hint: `write it as \`${key}: [a, b]\`` });
}

/** A label that someone else's file gives to our saves: one line of reasonable length, as it will stand in results. */
function labelIn(path: string, value: string): string {
  if (value.length <= 200 && !/\p{Cc}/u.test(value) && value.isWellFormed()) return value;
  throw new UserError("usage", `a label in ${path} is longer than 200 characters or no single line`, {
    hint: "correct it or remove it",
  });
}

function oneOf<T extends string>(allowed: readonly T[], value: string, origin: string): T {
  const known = allowed.find((candidate) => candidate === value);
  if (known !== undefined) return known;
  const names = allowed.filter(Boolean).join(", ");
  throw new UserError("usage", `'${value}' is not known (in ${origin})`, { hint: `one of ${names}` });
}

/** Where a value that is wrong has to be corrected. */
function originOf(name: VariableName, env: Env, configPath: string): string {
  return variableSet(env, name) ?? configPath;
}
