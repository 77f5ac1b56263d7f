import { existsSync, linkSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, pass, warn, type Inspector } from "./check.ts";
import type { Context } from "./context.ts";

const megabyte = 1024 * 1024;

/** The nearest directory above a path that exists: what is made later will be on its file system, by its rules. */
function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}

const configFile: Inspector = {
  name: "config_file",
  look(ctx) {
    const path = ctx.paths.config;
    if (!existsSync(path)) return fail(`${path} does not exist`, "Write it: kioku-mesh init", { path });
    return pass(path, { path, backend: ctx.settings().backend });
  },
};

const configKeys: Inspector = {
  name: "config_keys",
  look(ctx) {
    const { strangeKeys } = ctx.settings();
    if (strangeKeys.length === 0) return pass("every setting in the file is known");
    return warn(
      `settings of another release have no effect: ${strangeKeys.join(", ")}`,
      `Nothing is lost by them; they can be removed from ${ctx.paths.config}.`,
      { keys: strangeKeys },
    );
  },
};

const environment: Inspector = {
  name: "environment",
  look(ctx) {
    const idle = ctx.idleVariables();
    if (idle.length === 0) return pass("every variable set has its effect");
    return warn(idle.join("; "), "The variables there are: docs/reference.md", { idle });
  },
};

/** The original's way to make this host's id safely needs hard links; the probe is its own. */
const hardLinks: Inspector = {
  name: "state_dir_hardlinks",
  look(ctx) {
    const path = ctx.paths.stateDirectory;
    const at = existing(path);
    const draft = join(at, `.doctor.tmp.${process.pid}`);
    const link = join(at, `.doctor.link.${process.pid}`);
    try {
      writeFileSync(draft, "", { mode: 0o600, flag: "wx" });
      linkSync(draft, link);
      return pass(at === path ? path : `${path} (made at the first use)`, { path });
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      return fail(
        `${at} takes no files and hard links (${code})`,
        "Check its permissions, or name another directory in KIOKU_MESH_STATE_DIR, on a local file system.",
        { path, error: code, errno },
      );
    } finally {
      for (const probe of [link, draft]) removeProbe(probe);
    }
  },
};

function removeProbe(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // where nothing can be written there is nothing to remove
  }
}

const directories: Inspector = {
  name: "directories",
  look(ctx) {
    const { configDirectory, stateDirectory, passedOver } = ctx.paths;
    const details = { configDirectory, stateDirectory, passedOver };
    const second = passedOver.find((path) => existsSync(join(path, "memory.db")));
    if (second === undefined) return pass(stateDirectory, details);
    return warn(
      `there is a second memory in ${second}; the one in use is in ${stateDirectory}`,
      `To use the other, set KIOKU_MESH_STATE_DIR=${second}.`,
      details,
    );
  },
};

const permissions: Inspector = {
  name: "permissions",
  look(ctx) {
    if (process.platform === "win32") return pass("left to the access lists of Windows");
    const { configDirectory, config, stateDirectory } = ctx.paths;
    const files = existsSync(stateDirectory) ? ownFiles(stateDirectory) : [];
    const open = [configDirectory, stateDirectory, config, ...files].filter(isOpen);
    if (open.length === 0) return pass("only you can enter our directories and read our files");
    return warn(`others on this machine can read ${open.join(", ")}`, `chmod go= ${open.map(quoted).join(" ")}`, {
      open,
    });
  },
};

/** The memory, who we are, and all of the mesh: its key, certificates and logs. */
function ownFiles(stateDirectory: string): string[] {
  const names = readdirSync(stateDirectory).filter((name) => name === "pc_id" || name.startsWith("memory.db"));
  const mesh = join(stateDirectory, "mesh");
  const ofMesh = existsSync(mesh) ? readdirSync(mesh, { recursive: true }).map((name) => join(mesh, String(name))) : [];
  return [...names.map((name) => join(stateDirectory, name)), ...(existsSync(mesh) ? [mesh] : []), ...ofMesh];
}

function isOpen(path: string): boolean {
  return existsSync(path) && (statSync(path).mode & 0o077) !== 0;
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

const diskSpace: Inspector = {
  name: "disk_space",
  look(ctx) {
    const { bavail, bsize } = statfsSync(existing(ctx.paths.stateDirectory));
    const free = Math.floor((bavail * bsize) / megabyte);
    const details = { free_megabytes: free };
    if (free < 10) return fail(`${free} MB are free`, "Free some space: saves fail when there is none.", details);
    if (free < 200) return warn(`${free} MB are free`, "Free some space before saves fail.", details);
    return pass(`${free} MB are free`, details);
  },
};

const hostIdentity: Inspector = {
  name: "host_id",
  look(ctx) {
    const path = join(ctx.paths.stateDirectory, "pc_id");
    if (!existsSync(path)) return pass("made at the first save", { path });
    return pass(ctx.who().pc_id, { path });
  },
};

export const hostChecks: readonly Inspector[] = [
  configFile,
  hardLinks,
  configKeys,
  environment,
  directories,
  permissions,
  hostIdentity,
  diskSpace,
];

/** Whether there is a database yet. */
export function hasDatabase({ paths }: Context): boolean {
  return existsSync(paths.database);
}
