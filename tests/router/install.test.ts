import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { download } from "../../src/router/download.ts";
import { installRouter, type InstallRequest } from "../../src/router/install.ts";
import { verifyRouter } from "../../src/router/manifest.ts";
import { locateRouter, provideRouter } from "../../src/router/provision.ts";
import { archives, contents, type Faults, sha256, target, upstream, type Upstream, version, zips } from "./upstream.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), "kioku-install-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function serve(faults: Faults = {}): Promise<Upstream> {
  const server = await upstream(faults);
  cleanups.push(server.close);
  return server;
}

function install(root: string, more: Partial<InstallRequest>) {
  return installRouter({ root, target, pinned: {}, check: async () => version, ...more });
}

/** What an attempt leaves behind: routers that could be started, and anything half done. */
function left(root: string) {
  const names = existsSync(root) ? readdirSync(root) : [];
  return names.filter((name) => name !== "downloads");
}

const digestsOf = (files: { [name: string]: Uint8Array }) =>
  Object.entries(files)
    .map(([name, bytes]) => `${sha256(bytes)}  target/debian/${name}\n`)
    .join("");

describe("the upstream release", () => {
  test("is installed from its three archives, verified by GitHub's digests", async () => {
    const root = temporary();
    const { origins } = await serve();
    const seen: string[] = [];
    const router = await install(root, {
      origins,
      onProgress: ({ name, received, total }) => seen.push(`${name} ${received}/${total}`),
    });
    expect(readFileSync(router.zenohd)).toEqual(Buffer.from(contents().zenohd!));
    expect(statSync(router.zenohd).mode & 0o777).toBe(0o700);
    expect(statSync(router.rocksdb).mode & 0o777).toBe(0o600);
    expect(statSync(router.directory).mode & 0o777).toBe(0o700);
    expect(readdirSync(router.directory).toSorted()).toEqual([...Object.keys(contents()), "manifest.json"].toSorted());
    expect(await verifyRouter(router.directory)).toEqual([]);
    const size = zips()[archives[0]!.name]!.length;
    expect(seen).toContain(`${archives[0]!.name} ${size}/${size}`);
    expect(await provideRouter(root, undefined)).toEqual(router);
    expect(locateRouter(root, undefined)).toEqual(router);
    expect(readdirSync(join(root, "downloads"))).toEqual([]);
  });

  test("is verified by Eclipse's list where GitHub tells no digest", async () => {
    const { origins } = await serve({ github: () => undefined, listing: digestsOf(zips()) });
    await install(temporary(), { origins });
  });

  test("comes from Eclipse where GitHub does not give it", async () => {
    const { origins, requests } = await serve({ githubStatus: 404 });
    await install(temporary(), { origins });
    expect(requests.every(({ path }) => path.startsWith("/eclipse/"))).toBeTrue();
  });

  test("is refused with another content than was published", async () => {
    const root = temporary();
    const { origins } = await serve({ github: () => `sha256:${"0".repeat(64)}` });
    await expect(install(root, { origins })).rejects.toMatchObject({
      code: "denied",
      message: expect.stringContaining("does not have the expected SHA-256"),
    });
    expect(left(root)).toEqual([]);
    await expect(provideRouter(root, undefined)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("is refused where nobody publishes a digest", async () => {
    const root = temporary();
    const { origins, requests } = await serve({ github: () => undefined });
    await expect(install(root, { origins })).rejects.toMatchObject({
      code: "denied",
      message: expect.stringContaining("no SHA-256 is published"),
    });
    expect(requests).toEqual([]);
    expect(left(root)).toEqual([]);
  });

  test("is verified by one publisher where the other cannot be reached, and not to be had where neither can", async () => {
    const { origins } = await serve();
    const dead = "http://127.0.0.1:1";
    await install(temporary(), { origins: { ...origins, eclipse: dead } });
    const attempt = install(temporary(), { origins: { github: dead, githubApi: dead, eclipse: dead } });
    await expect(attempt).rejects.toMatchObject({ code: "unavailable", message: "127.0.0.1:1 cannot be reached" });
  });

  test("is refused where two publishers disagree", async () => {
    const { origins } = await serve({ listing: digestsOf(zips(contents("other"))) });
    await expect(install(temporary(), { origins })).rejects.toThrow("GitHub and Eclipse publish different digests");
  });

  test("is held to the pinned digest, whatever is published", async () => {
    const files = zips();
    const pinned = Object.fromEntries(archives.map(({ name }) => [name, sha256(files[name]!)]));
    const { origins } = await serve({ github: () => `sha256:${"0".repeat(64)}` });
    await install(temporary(), { origins, pinned });
    const changed = await serve({ files: zips(contents("changed")) });
    await expect(install(temporary(), { origins: changed.origins, pinned })).rejects.toMatchObject({ code: "denied" });
  });

  test("changes nothing that is installed when it fails", async () => {
    const root = temporary();
    const first = await install(root, { origins: (await serve()).origins });
    const broken = await serve({ files: zips(contents("b")), github: () => `sha256:${"0".repeat(64)}` });
    await expect(install(root, { origins: broken.origins })).rejects.toMatchObject({ code: "denied" });
    expect(await provideRouter(root, undefined)).toEqual(first);
  });

  test("is not kept when it does not work here, or is of another version", async () => {
    const root = temporary();
    const { origins } = await serve();
    const check = async () => Promise.reject(new Error("GLIBC_2.99 not found"));
    await expect(install(root, { origins, check })).rejects.toThrow("GLIBC_2.99");
    await expect(install(root, { origins, check: async () => "1.9.0" })).rejects.toThrow(
      "that router is 1.9.0, not 1.10.2",
    );
    expect(left(root)).toEqual([]);
  });

  test("has a version that can be one", async () => {
    await expect(install(temporary(), { version: "../../x" })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("a download that was cut", () => {
  test("goes on where it broke", async () => {
    const { origins, requests, arrived } = await serve({ cut: (download) => (download < 2 ? 10_000 : undefined) });
    await install(temporary(), { origins, onProgress: arrived });
    expect(requests.slice(0, 3).map(({ from }) => from)).toEqual([0, 10_000, 20_000]);
  });

  test("is given up after some attempts, and taken up by the next install", async () => {
    const root = temporary();
    const hopeless = await serve({ cut: () => 1_000 });
    const attempt = install(root, { origins: hopeless.origins, onProgress: hopeless.arrived });
    await expect(attempt).rejects.toMatchObject({ code: "unavailable" });
    expect(left(root)).toEqual([]);
    const { origins, requests } = await serve();
    await install(root, { origins });
    expect(requests[0]!.from).toBe(8_000); // four attempts at each of two places
  });

  test("is fetched anew where what has arrived is wrong", async () => {
    const root = temporary();
    const { origins, requests } = await serve();
    mkdirSync(join(root, "downloads"), { recursive: true });
    const digest = sha256(zips()[archives[0]!.name]!);
    writeFileSync(join(root, "downloads", `${digest}.part`), "x".repeat(500));
    await install(root, { origins });
    expect(requests.slice(0, 2).map(({ from }) => from)).toEqual([500, 0]);
  });
});

test("a mirror that sends without end fills no disk, and nonsense from GitHub's API is none of its digests", async () => {
  const directory = temporary();
  const endless = () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(4_096)) }));
  using mirror = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: endless });
  const request = { name: "a.zip", urls: [mirror.url.href], sha256: "0".repeat(64), directory, mostBytes: 20_000 };
  await expect(download(request)).rejects.toMatchObject({ code: "denied" });
  expect(readdirSync(directory)).toEqual([]);
  using api = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("<html>") });
  const nowhere = { github: api.url.href, githubApi: api.url.href, eclipse: api.url.href };
  await expect(install(temporary(), { origins: nowhere })).rejects.toMatchObject({ code: "denied" });
});

describe("an upstream that redirects", () => {
  const elsewhere = (path: string) => `http://mirror.example${path}`;

  test("is followed, also where a cut download goes on", async () => {
    const { origins, requests, arrived } = await serve({
      redirect: (path) => (path.startsWith("/github/") ? path.replace("/github/", "/storage/") : undefined),
      cut: (download) => (download === 0 ? 10_000 : undefined),
    });
    await install(temporary(), { origins, onProgress: arrived });
    const [first, second] = requests;
    expect(first).toEqual({ path: second!.path, from: 0 });
    expect([second!.path.startsWith("/storage/"), second!.from]).toEqual([true, 10_000]);
  });

  test("over http is followed neither to a file nor to what verifies it", async () => {
    const files = { "router.zip": zipSync({}) };
    for (const moved of ["/router.zip", "/sha256sums.txt"]) {
      const redirect = (path: string) => (path === moved ? elsewhere(path) : undefined);
      const { url } = await serve({ files, listing: digestsOf(files), redirect });
      const root = temporary();
      await expect(install(root, { from: `${url}/router.zip` })).rejects.toMatchObject({
        code: "denied",
        message: "a router is not fetched over http://, where anybody could replace it",
        hint: `${url}${moved} redirects to ${elsewhere(moved)}`,
      });
      expect(left(root)).toEqual([]);
    }
  });

  test("over http, or without end, has the other publisher in its place", async () => {
    for (const redirect of [elsewhere, (path: string) => path]) {
      const { origins, requests } = await serve({
        redirect: (path) => (/^\/(github|api)\//.test(path) ? redirect(path) : undefined),
        listing: digestsOf(zips()),
      });
      await install(temporary(), { origins });
      expect(requests.every(({ path }) => path.startsWith("/eclipse/"))).toBeTrue();
    }
  });
});

test("installs at the same time do not disturb each other", async () => {
  const root = temporary();
  const { origins, arrived } = await serve({ cut: (download) => (download % 3 === 0 ? 5_000 : undefined) });
  const installs = Array.from({ length: 6 }, () => install(root, { origins, onProgress: arrived }));
  const routers = await Promise.all(installs);
  expect(new Set(routers.map(({ directory }) => directory)).size).toBe(1);
  expect(await verifyRouter(routers[0]!.directory)).toEqual([]);
  expect(left(root).toSorted()).toEqual([routers[0]!.directory.slice(root.length + 1), "selected"].toSorted());
});

describe("--from", () => {
  /** A folder with a router's plain files and their sums. */
  function folder(files = contents(), sums = files): string {
    const path = temporary();
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(path, name), bytes);
    writeFileSync(join(path, "SHA256SUMS"), digestsOf(sums));
    return path;
  }
  const tar = (into: string, directory: string, ...names: string[]) => {
    expect(Bun.spawnSync(["tar", "-czf", into, "-C", directory, ...names]).exitCode).toBe(0);
    return into;
  };

  test("a directory with the files and their sums", async () => {
    const router = await install(temporary(), { from: folder() });
    expect(await verifyRouter(router.directory)).toEqual([]);
  });

  test("a directory with the release's archives and their sums", async () => {
    const from = temporary();
    for (const [name, bytes] of Object.entries(zips())) writeFileSync(join(from, name), bytes);
    await expect(install(temporary(), { from })).rejects.toThrow("no SHA-256 is published");
    writeFileSync(join(from, "sha256sums.txt"), digestsOf(zips()));
    await install(temporary(), { from });
    await install(temporary(), { from: join(from, archives[0]!.name) });
  });

  test("an archive with the sums inside or beside it, in whatever folder", async () => {
    const path = join(temporary(), "router.tar.gz");
    await install(temporary(), { from: tar(path, folder(), ".") });
    const bare = folder();
    rmSync(join(bare, "SHA256SUMS"));
    tar(path, bare, ".");
    await expect(install(temporary(), { from: path })).rejects.toThrow("no SHA-256 is published");
    writeFileSync(`${path}.sha256`, `${sha256(readFileSync(path))}  router.tar.gz\n`);
    await install(temporary(), { from: path });
    writeFileSync(`${path}.sha256`, `${"0".repeat(64)}  router.tar.gz\n`);
    await expect(install(temporary(), { from: path })).rejects.toThrow(
      "router.tar.gz does not have the expected SHA-256",
    );
  });

  test("an address of an archive, or of a folder with the release's", async () => {
    const bare = folder();
    const path = tar(join(temporary(), "router.tar.gz"), bare, ".");
    const files = { ...zips(), "router.tar.gz": readFileSync(path) };
    const listed = await serve({ files, listing: digestsOf(files) });
    await install(temporary(), { from: `${listed.url}/mirror/router.tar.gz` });
    await install(temporary(), { from: `${listed.url}/mirror/` });
    const { url } = await serve({ files });
    await expect(install(temporary(), { from: `${url}/mirror/router.tar.gz` })).rejects.toMatchObject({
      code: "denied",
    });
  });

  test("nothing over http, where anybody on the way could replace it", async () => {
    await expect(install(temporary(), { from: "http://mirror.example/router.zip" })).rejects.toMatchObject({
      code: "denied",
    });
  });

  test("a file that was changed is refused by name", async () => {
    const root = temporary();
    const from = folder({ ...contents(), zenohd: Buffer.from("changed") }, contents());
    await expect(install(root, { from })).rejects.toThrow("zenohd does not have the expected SHA-256");
    expect(left(root)).toEqual([]);
  });

  test("what is missing, damaged or no router is said", async () => {
    const { zenohd: _, ...rest } = contents();
    const from = (path: string) => install(temporary(), { from: path });
    await expect(from(join(temporary(), "nowhere"))).rejects.toMatchObject({ code: "notFound" });
    await expect(from(temporary())).rejects.toThrow(/lacks zenohd, libzenoh/);
    await expect(from(tar(join(temporary(), "x.tar.gz"), folder(rest), "."))).rejects.toThrow("lacks zenohd");
    const text = join(temporary(), "router.txt");
    writeFileSync(text, "");
    await expect(from(text)).rejects.toMatchObject({ code: "usage" });
    const damaged = temporary();
    for (const { name } of archives) writeFileSync(join(damaged, name), "no zip");
    writeFileSync(join(damaged, "sha256sums.txt"), `${sha256(Buffer.from("no zip"))}  ${archives[0]!.name}\n`);
    await expect(from(damaged)).rejects.toMatchObject({ code: "corrupt" });
    const cut = join(temporary(), "cut.tar.gz");
    writeFileSync(cut, readFileSync(tar(cut, folder(), ".")).subarray(0, 300));
    await expect(from(cut)).rejects.toMatchObject({ code: "corrupt" });
  });

  test("a member of an archive cannot land outside of it, whatever its name", async () => {
    const folders = temporary();
    const from = join(folders, "router.zip");
    const names = Object.entries({ ...contents(), SHA256SUMS: Buffer.from(digestsOf(contents())) });
    writeFileSync(from, zipSync(Object.fromEntries(names.map(([name, bytes]) => [`../../${name}`, bytes]))));
    const router = await install(join(folders, "state", "router"), { from });
    expect(await verifyRouter(router.directory)).toEqual([]);
    expect(readdirSync(folders).toSorted()).toEqual(["router.zip", "state"]);
    expect(readdirSync(join(folders, "state"))).toEqual(["router"]);
  });

  test("an archive cannot write through a link", async () => {
    const victim = join(temporary(), "victim");
    writeFileSync(victim, "untouched");
    const evil = temporary();
    expect(Bun.spawnSync(["ln", "-s", victim, join(evil, "zenohd")]).exitCode).toBe(0);
    const path = tar(join(temporary(), "evil.tar.gz"), evil, ".", `${victim}`);
    await expect(install(temporary(), { from: path })).rejects.toThrow();
    expect(readFileSync(victim, "utf8")).toBe("untouched");
  });

  test("system: zenohd on PATH with the plugins beside it", async () => {
    const bin = folder();
    chmodSync(join(bin, "zenohd"), 0o755);
    const router = await install(temporary(), { from: "system", searchPath: `relative:/nowhere:${bin}` });
    expect(readFileSync(router.zenohd)).toEqual(Buffer.from(contents().zenohd!));
    await expect(install(temporary(), { from: "system", searchPath: "/nowhere" })).rejects.toThrow(
      "zenohd is not on PATH",
    );
  });
});
