import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EmbeddedRouter } from "../../src/router/embedded.ts";
import { installRouter } from "../../src/router/install.ts";
import { verifyRouter } from "../../src/router/manifest.ts";
import { holdRouter, locateRouter, provideRouter } from "../../src/router/provision.ts";
import { contents, sha256, target, version } from "./upstream.ts";

let work: string;
let root: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "kioku-provision-"));
  root = join(work, "state", "router");
});
afterEach(() => rmSync(work, { recursive: true, force: true }));

/** A router as a binary carries it, its files compressed. */
function embed(seed = "a", of = version): EmbeddedRouter {
  const files = Object.entries(contents(seed)).map(([name, bytes]) => {
    const path = join(work, `${seed}-${name}.zst`);
    writeFileSync(path, Bun.zstdCompressSync(bytes));
    return { name, sha256: sha256(bytes), size: bytes.length, path };
  });
  return { version: of, target, files };
}

async function installFromFolder(seed: string, of: string) {
  const from = mkdtempSync(join(work, "from-"));
  const sums = Object.entries(contents(seed)).map(([name, bytes]) => {
    writeFileSync(join(from, name), bytes);
    return `${sha256(bytes)}  ${name}\n`;
  });
  writeFileSync(join(from, "SHA256SUMS"), sums.join(""));
  return installRouter({ root, target, from, version: of, check: async () => of, embedded: embed() });
}

describe("the router inside the binary", () => {
  test("is unpacked at first use, for its owner alone", async () => {
    const router = await provideRouter(root, embed());
    expect(await verifyRouter(router.directory)).toEqual([]);
    expect(router.version).toBe(version);
    expect(statSync(root).mode & 0o777).toBe(0o700);
    expect(statSync(router.directory).mode & 0o777).toBe(0o700);
    expect(statSync(router.zenohd).mode & 0o777).toBe(0o700);
    expect(statSync(router.rocksdb).mode & 0o777).toBe(0o600);
    expect(readdirSync(root)).toEqual([router.directory.slice(root.length + 1)]);
  });

  test("is not unpacked again while it is whole, and put back where a file is damaged or gone", async () => {
    const router = await provideRouter(root, embed());
    const { ino } = statSync(router.zenohd);
    await provideRouter(root, embed());
    expect(statSync(router.zenohd).ino).toBe(ino);
    appendFileSync(router.remoteApi, "x");
    rmSync(router.zenohd);
    expect(await verifyRouter(router.directory)).toEqual([
      "zenohd is missing",
      "libzenoh_plugin_remote_api.so does not have its SHA-256",
    ]);
    expect(await provideRouter(root, embed())).toEqual(router);
    expect(await verifyRouter(router.directory)).toEqual([]);
  });

  test("is located before it is unpacked", () => {
    expect(locateRouter(root, embed())?.zenohd).toStartWith(join(root, version));
    expect(locateRouter(root, undefined)).toBeUndefined();
    expect(existsSync(root)).toBeFalse();
  });

  test("is refused when its bytes are not those of its manifest, and leaves nothing", async () => {
    const router = embed();
    writeFileSync(router.files[0]!.path, Bun.zstdCompressSync("changed"));
    await expect(provideRouter(root, router)).rejects.toMatchObject({ code: "corrupt" });
    expect(readdirSync(root)).toEqual([]);
  });

  test("a manifest that lists other files than a router's counts for nothing", async () => {
    const { directory } = await provideRouter(root, embed());
    writeFileSync(join(directory, "manifest.json"), `{"version":"${version}","target":"${target}","files":[]}`);
    expect(await verifyRouter(directory)).toEqual(["manifest.json is missing or unreadable"]);
    await provideRouter(root, embed());
    expect(await verifyRouter(directory)).toEqual([]);
  });

  test("without one, and none installed, there is a hint", async () => {
    await expect(provideRouter(root, undefined)).rejects.toMatchObject({
      code: "unavailable",
      hint: "`kioku-mesh zenohd install` fetches Zenoh's own and verifies it; saves and searches need none",
    });
  });
});

test("many processes at once unpack it once", async () => {
  const embedded = join(work, "embedded.json");
  writeFileSync(embedded, JSON.stringify(embed()));
  const program = `
    import { provideRouter } from "${join(import.meta.dir, "../../src/router/provision.ts")}";
    const { directory } = await provideRouter(${JSON.stringify(root)}, await Bun.file(${JSON.stringify(embedded)}).json());
    console.log(directory);`;
  const processes = Array.from({ length: 8 }, () => Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" }));
  const directories = await Promise.all(processes.map(({ stdout }) => new Response(stdout).text()));
  expect(new Set(directories.map((text) => text.trim())).size).toBe(1);
  expect(await verifyRouter(directories[0]!.trim())).toEqual([]);
  expect(readdirSync(root)).toHaveLength(1);
});

describe("an installed router", () => {
  test("is used in place of an embedded one that is not newer, until the embedded one is asked for", async () => {
    const installed = await installFromFolder("b", version);
    expect(await provideRouter(root, embed())).toEqual(installed);
    expect(locateRouter(root, embed())).toEqual(installed);
    expect((await provideRouter(root, embed("c", "1.11.0"))).version).toBe("1.11.0");
    const own = await installRouter({ root, target, check: async () => version, embedded: embed() });
    expect(own.directory).not.toBe(installed.directory);
    expect(await provideRouter(root, embed())).toEqual(own);
  });

  test("gives way to the embedded one when it is damaged, and is refused where there is none", async () => {
    const installed = await installFromFolder("b", version);
    appendFileSync(installed.rocksdb, "x");
    expect((await provideRouter(root, embed())).directory).not.toBe(installed.directory);
    await expect(provideRouter(root, undefined)).rejects.toMatchObject({ code: "corrupt" });
  });
});

test("routers of earlier versions are removed, but not the selected one nor one in use", async () => {
  const first = await provideRouter(root, embed("1", "1.10.0"));
  const release = holdRouter(first);
  const second = await provideRouter(root, embed("2", "1.10.1"));
  writeFileSync(join(second.directory, "in-use-999999999"), ""); // left by a process that died
  mkdirSync(join(root, ".stage-999999999-00"));
  const selected = await installFromFolder("3", "1.9.0");
  const current = await provideRouter(root, embed("4", "1.11.0"));
  const names = (...routers: { directory: string }[]) =>
    routers.map(({ directory }) => directory.slice(root.length + 1)).toSorted();
  const there = () => readdirSync(root).filter((name) => !["selected", "downloads"].includes(name));
  expect(there().toSorted()).toEqual(names(first, selected, current));
  release();
  await provideRouter(root, embed("4", "1.11.0"));
  expect(there().toSorted()).toEqual(names(selected, current));
});
