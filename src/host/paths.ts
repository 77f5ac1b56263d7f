import { existsSync } from "node:fs";
import { join } from "node:path";

export type Env = { readonly [name: string]: string | undefined };

/** A setting's environment variable: `KIOKU_MESH_X` wins over the original's `MESH_MEM_X`; empty is unset. */
export function setting(env: Env, name: string): string | undefined {
  return env[`KIOKU_MESH_${name}`] || env[`MESH_MEM_${name}`] || undefined;
}

/**
 * Where this machine keeps our files: the `mesh-mem` directories of the original 0.3, or the `kioku-mesh` ones of its
 * later versions where only those exist. Where both do, the one that holds our database, else `kioku-mesh`.
 */
export function pathsOf(env: Env, platform: string) {
  const home = env.HOME || env.USERPROFILE || "";
  const configRoot = env.XDG_CONFIG_HOME || join(home, ".config");
  const configDirectory = chosen(configRoot, "config.yaml");
  const stateDirectory = setting(env, "STATE_DIR") ?? chosen(stateRoot(env, platform, home), "memory.db");
  return {
    configDirectory,
    config: join(configDirectory, "config.yaml"),
    stateDirectory,
    database: join(stateDirectory, "memory.db"),
  };
}

function stateRoot(env: Env, platform: string, home: string): string {
  if (platform === "darwin") return join(home, "Library", "Application Support");
  if (platform === "win32") return env.LOCALAPPDATA || join(home, "AppData", "Local");
  return join(home, ".local", "share"); // XDG_DATA_HOME is ignored, as the original does on purpose
}

function chosen(root: string, ours: string): string {
  const [older, later] = [join(root, "mesh-mem"), join(root, "kioku-mesh")];
  if (!existsSync(later)) return older;
  return existsSync(older) && existsSync(join(older, ours)) && !existsSync(join(later, ours)) ? older : later;
}
