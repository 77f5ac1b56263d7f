import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { setting, type Env } from "./variables.ts";

/**
 * Where this machine keeps our files: the `mesh-mem` directories of the original 0.3, or the `kioku-mesh` ones of its
 * later versions where only those exist. Where both do, the one that holds our file, else `kioku-mesh`. `homeDirectory`
 * is asked where HOME is not set.
 */
export function pathsOf(env: Env, platform: string, homeDirectory: () => string) {
  const home = () => absolute(env.HOME || env.USERPROFILE || homeDirectory());
  const configRoot = env.XDG_CONFIG_HOME || join(home(), ".config");
  const given = setting(env, "STATE_DIR");
  const config = chosen(configRoot, "config.yaml");
  const state = given
    ? { directory: resolve(atHome(given, home)) }
    : chosen(stateRoot(env, platform, home), "memory.db");
  return {
    configDirectory: config.directory,
    config: join(config.directory, "config.yaml"),
    stateDirectory: state.directory,
    database: join(state.directory, "memory.db"),
    foreignDirectories: given ? [state.directory] : foreignDirectories(stateRoot(env, platform, home), home()),
    passedOver: [config.passedOver, "passedOver" in state ? state.passedOver : undefined].filter(
      (path) => path !== undefined,
    ),
  };
}

function absolute(home: string): string {
  if (isAbsolute(home)) return home;
  throw new UserError("unavailable", home ? `HOME is no absolute path: '${home}'` : "HOME is not set", {
    hint: "set HOME, or both KIOKU_MESH_STATE_DIR and XDG_CONFIG_HOME",
  });
}

/** `~` reaches us unexpanded from agents' configuration files, where no shell expands it. */
function atHome(path: string, home: () => string): string {
  return path === "~" || path.startsWith("~/") ? join(home(), path.slice(1)) : path;
}

function stateRoot(env: Env, platform: string, home: () => string): string {
  if (platform === "darwin") return join(home(), "Library", "Application Support");
  if (platform === "win32") return env.LOCALAPPDATA || join(home(), "AppData", "Local");
  return join(home(), ".local", "share"); // XDG_DATA_HOME is ignored, as the original does on purpose
}

/**
 * Where versions of the Python program keep their state: under the names that it has had, and until 0.2.0 in the place
 * that Linux has for it on every system.
 */
function foreignDirectories(root: string, home: string): string[] {
  const roots = [...new Set([root, join(home, ".local", "share")])];
  return roots.flatMap((directory) => ["kioku-mesh", "mesh-mem", "zenoh-mem"].map((name) => join(directory, name)));
}

/** Of the two names a directory has had, the one in use, and the other where it exists too. */
function chosen(root: string, ours: string): { directory: string; passedOver?: string } {
  const [older, later] = [join(root, "mesh-mem"), join(root, "kioku-mesh")];
  if (!existsSync(later)) return { directory: older };
  if (!existsSync(older)) return { directory: later };
  const olderIsOurs = existsSync(join(older, ours)) && !existsSync(join(later, ours));
  return olderIsOurs ? { directory: older, passedOver: later } : { directory: later, passedOver: older };
}
