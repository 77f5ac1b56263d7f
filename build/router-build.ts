import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../src/core/errors.ts";
import { fileDigest, parseChecksums } from "../src/router/checksum.ts";
import { fileNames, type RouterTarget } from "../src/router/release.ts";
import { hostTarget } from "./compile.ts";

const recipe = join(import.meta.dir, "router");
const work = join(import.meta.dir, "..", ".cache", "router-build");
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");

/**
 * Builds zenohd, its plugins and the volume from the published crates, unchanged, as the members of one workspace with one
 * lock file: the router refuses plugins of another compiler, Zenoh version or feature set, and crashes on another tokio. For
 * this machine alone; `build/router/README.md` says what it needs and how long it takes.
 */
export async function buildRouter(target: RouterTarget, into: string): Promise<void> {
  if (target !== hostTarget())
    throw new UserError("usage", `--build makes the router of this machine, ${hostTarget()}, not of ${target}`);
  if (!Bun.which("cargo"))
    throw new UserError("unavailable", "cargo is missing", { hint: "see build/router/README.md" });
  await prepareWorkspace();
  const members = ["zenohd", "zenoh-plugin-storage-manager", "zenoh-plugin-remote-api", "zenoh-backend-rocksdb"];
  run("cargo", "build", "--release", "--locked", ...members.flatMap((name) => ["-p", name]));
  for (const name of Object.values(fileNames(target))) cpSync(join(work, "target", "release", name), join(into, name));
}

/** Lays the four crates, checked by their SHA-256, beside the workspace's manifest and lock file; gives the folder. */
export async function prepareWorkspace(): Promise<string> {
  rmSync(join(work, "crates"), { recursive: true, force: true });
  mkdirSync(join(work, "crates"), { recursive: true });
  for (const file of ["Cargo.toml", "Cargo.lock"]) cpSync(join(recipe, file), join(work, file));
  const sums = parseChecksums(readFileSync(join(recipe, "crates.sha256"), "utf8"));
  for (const [file, sha256] of sums) {
    const crate = fetchCrate(file);
    if ((await fileDigest(crate)) !== sha256) throw new UserError("denied", `${file} does not have its SHA-256`);
    run("tar", "-xzf", crate, "-C", join(work, "crates"));
  }
  return work;
}

/** Has cargo download a crate (`NAME-VERSION.crate`), and gives the file in cargo's cache. */
function fetchCrate(file: string): string {
  const [, name, version] = /^(.+)-(\d+\.\d+\.\d+)\.crate$/.exec(file)!;
  const cache = join(cargoHome, "registry", "cache");
  const find = () =>
    (existsSync(cache) ? readdirSync(cache) : [])
      .map((index) => join(cache, index, file))
      .find((path) => existsSync(path));
  if (!find()) run("cargo", "info", "--quiet", `${name}@${version}`); // the one command that fetches a crate alone
  const found = find();
  if (!found) throw new UserError("unavailable", `cargo did not fetch ${file}`);
  return found;
}

function run(...command: string[]): void {
  const { exitCode } = Bun.spawnSync(command, {
    cwd: work,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      // Else the crates take this repository's tag for Zenoh's version.
      GIT_CEILING_DIRECTORIES: dirname(work),
      RUSTFLAGS: `--remap-path-prefix=${cargoHome}=/cargo --remap-path-prefix=${work}=/router`,
    },
  });
  if (exitCode !== 0) throw new UserError("unavailable", `${command.slice(0, 2).join(" ")} failed`);
}
