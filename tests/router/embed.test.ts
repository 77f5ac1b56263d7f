import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostTarget } from "../../build/compile.ts";
import { embedRouter } from "../../build/embed-router.ts";
import { fillCache, readCache } from "../../build/router-cache.ts";
import { describeRouter } from "../../src/router/manifest.ts";
import { fileNames, routerVersion } from "../../src/router/release.ts";

const source = join(import.meta.dir, "../../src/router");
let work: string;
beforeEach(() => (work = mkdtempSync(join(tmpdir(), "kioku-embed-"))));
afterEach(() => rmSync(work, { recursive: true, force: true }));

/** Compiles a program that provides its router, with what is in the cache, and runs it. */
async function providedBy(cache: string) {
  const program = join(work, "program.ts");
  writeFileSync(
    program,
    `import { embedded } from "${source}/embedded.ts";
     import { provideRouter } from "${source}/provision.ts";
     const router = await provideRouter(${JSON.stringify(join(work, "state"))}, embedded);
     console.log(JSON.stringify(router));`,
  );
  const { outputs } = await Bun.build({
    entrypoints: [program],
    plugins: [embedRouter(hostTarget(), cache)],
    bytecode: true,
    format: "esm",
    minify: true,
    compile: { target: `bun-${hostTarget()}`, outfile: join(work, "program") },
  });
  const moved = join(work, "moved"); // to show that it needs nothing of where it was built
  copyFileSync(outputs[0]!.path, moved);
  rmSync(cache, { recursive: true, force: true });
  const { stdout, stderr, exitCode } = Bun.spawnSync(["sh", "-c", `chmod +x ${moved} && exec ${moved}`], { cwd: "/" });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

describe("a compiled binary", () => {
  test("carries the router that was provided to the build, and unpacks it byte for byte", async () => {
    const [files, cache] = [join(work, "files"), join(work, "cache")];
    mkdirSync(files);
    const names = Object.values(fileNames(hostTarget()));
    for (const name of names) writeFileSync(join(files, name), crypto.getRandomValues(new Uint8Array(50_000)));
    fillCache(files, await describeRouter(files, routerVersion, hostTarget()), cache);
    expect(readCache(hostTarget(), cache)?.version).toBe(routerVersion);
    const { stdout, stderr } = await providedBy(cache);
    expect(stderr).toBe("");
    const { directory, version } = JSON.parse(stdout);
    expect(version).toBe(routerVersion);
    for (const name of names) expect(readFileSync(join(directory, name))).toEqual(readFileSync(join(files, name)));
  });

  test("is built without a router where none was provided, and says how to get one", async () => {
    const { stderr, exitCode } = await providedBy(join(work, "cache"));
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("this build carries no router and none is installed");
  });
});

describe("the recipe to build a router from source", () => {
  const recipe = join(import.meta.dir, "../../build/router");
  const lock = readFileSync(join(recipe, "Cargo.lock"), "utf8");
  const packages = [...lock.matchAll(/\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"\n((?:.+\n)*)/g)].map(
    ([, name, version, rest]) => ({ name: name!, version: version!, rest: rest! }),
  );
  const members = readFileSync(join(recipe, "crates.sha256"), "utf8")
    .trim()
    .split("\n")
    .map((line) => /^[0-9a-f]{64} {2}(.+)-(\d[\d.]*)\.crate$/.exec(line)!.slice(1, 3));

  test("names the four crates of the release, each with its digest", () => {
    expect(members).toEqual([
      ["zenohd", routerVersion],
      ["zenoh-plugin-storage-manager", routerVersion],
      ["zenoh-plugin-remote-api", routerVersion],
      ["zenoh-backend-rocksdb", routerVersion],
    ]);
  });

  test("locks every dependency by checksum, and Zenoh to that release throughout", () => {
    const names = new Set(members.map(([name]) => name));
    const foreign = packages.filter(({ name }) => !names.has(name));
    expect(packages.length - foreign.length).toBe(4);
    expect(foreign.filter(({ rest }) => !/^source = "registry\+.*\nchecksum = "[0-9a-f]{64}"/.test(rest))).toEqual([]);
    const zenoh = packages.filter(({ name }) => name.startsWith("zenoh"));
    expect(zenoh.filter(({ version }) => version !== routerVersion)).toEqual([]);
    expect(packages.filter(({ name }) => name === "tokio")).toHaveLength(1);
  });
});
