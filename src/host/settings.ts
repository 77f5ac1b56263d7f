import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseYAML } from "confbox/yaml";
import { UserError } from "../core/errors.ts";
import { visibilities, type Visibility } from "../core/observation.ts";
import { setting, type Env } from "./paths.ts";

type Fields = { readonly [key: string]: unknown };

/** The mapping in a YAML file; undefined where there is no such file. Throws UserError where it is broken. */
function readYaml(path: string): Fields | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UserError("unavailable", `cannot read ${path}`, { hint: "check its permissions", cause: error });
  }
  try {
    const value: unknown = text.trim() === "" ? {} : parseYAML(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return { ...value };
  } catch (cause) {
    throw new UserError("usage", `${path} is no valid YAML`, {
      hint: "correct it, or write a new one with `kioku-mesh init --force`",
      cause,
    });
  }
  throw new UserError("usage", `${path} is no mapping of settings`, {
    hint: "it should hold lines such as `backend: local`",
  });
}

/** The nearest `.kioku-mesh.yaml` from a directory upward. */
function readProjectFile(directory: string): Fields {
  for (let at = directory; ; at = dirname(at)) {
    const fields = readYaml(join(at, ".kioku-mesh.yaml"));
    if (fields) return fields;
    if (dirname(at) === at) return {};
  }
}

/**
 * What configuration says: environment, project file, user file, default, in this order (flags come above, in the
 * operations). A project file arrives with someone's repository: it labels saves and may narrow their reach, no more.
 */
export function readSettings(env: Env, configPath: string, directory: string) {
  const user = readYaml(configPath) ?? {};
  const project = readProjectFile(directory);
  const backend = setting(env, "BACKEND") ?? string(user.backend) ?? "local";
  const own = visibilityOf(setting(env, "DEFAULT_VISIBILITY") ?? string(user.default_visibility), configPath) ?? "mesh";
  const asked = visibilityOf(string(project.default_visibility), ".kioku-mesh.yaml");
  return {
    backend: backend === "local" ? ("local" as const) : ("zenoh" as const),
    save: { project: string(project.project) ?? "", tags: strings(project.tags), visibility: narrower(own, asked) },
    userId: setting(env, "USER_ID") ?? string(user.user_id) ?? "",
    teamId: setting(env, "TEAM_ID") ?? string(user.team_id) ?? "",
    disableIndex: setting(env, "DISABLE_INDEX") === "1",
  };
}

function narrower(own: Visibility, asked: Visibility | undefined): Visibility {
  const reach = ["user", "team", "mesh", ""];
  return asked && reach.indexOf(asked) < reach.indexOf(own) ? asked : own;
}

function visibilityOf(value: string | undefined, where: string): Visibility | undefined {
  if (value === undefined) return undefined;
  const known = visibilities.find((visibility) => visibility === value);
  if (known !== undefined) return known;
  throw new UserError("usage", `unknown default visibility '${value}' (${where})`, { hint: "one of user, team, mesh" });
}

function string(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
