import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileNames, routerVersion } from "../../src/router/release.ts";
import { testWith } from "../needs.ts";
import { world } from "../world.ts";
import { realRouter } from "./real-router.ts";
import { archives, sha256, target, upstream, zips } from "./upstream.ts";

/** The real router as a release of upstream's, on the loopback. */
async function release() {
  const router = await realRouter();
  const names = Object.values(fileNames(target));
  const files = zips(Object.fromEntries(names.map((name) => [name, readFileSync(join(router.directory, name))])));
  const listing = Object.entries(files).map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`);
  const { url, requests, close } = await upstream({ files, listing: listing.join("") });
  return { url: `${url}/zenoh`, requests, [Symbol.asyncDispose]: close };
}

testWith("a router")(
  "zenohd install, path, version and verify: a release is fetched once, checked and tried",
  async () => {
    await using server = await release();
    using w = world();
    const state = join(w.home, ".local/share/mesh-mem");
    const { out, err, drawn, exitCode } = await w.kioku(["zenohd", "install", "--from", server.url]);
    expect({ err: err.trimEnd().split("\n"), exitCode }).toEqual({
      err: archives.map(({ name }) => `downloading ${name}`),
      exitCode: 0,
    });
    expect(drawn).toContain("[##############################] 100 %");
    const path = /^installed zenohd 1\.10\.2: (.*)\n$/.exec(out)![1]!;
    expect([basename(path), path.startsWith(`${state}/router/`)]).toEqual(["zenohd", true]);
    expect([statSync(path).mode & 0o777, statSync(join(path, "..")).mode & 0o777]).toEqual([0o700, 0o700]);
    expect(await w.kioku(["zenohd", "path"])).toMatchObject({ out: `${path}\n`, exitCode: 0 });
    expect(await w.kioku(["zenohd", "version"])).toMatchObject({ out: `${routerVersion}\n`, exitCode: 0 });
    expect(await w.kioku(["zenohd", "verify"])).toMatchObject({
      out: `zenohd ${routerVersion} is whole and runs: ${path}\n`,
      exitCode: 0,
    });
    expect(readdirSync(join(state, "router")).filter((name) => name.startsWith("."))).toEqual([]);

    writeFileSync(path, "not what was installed");
    const damaged = await w.kioku(["zenohd", "verify"]);
    expect([damaged.exitCode, damaged.err.split("\n")[0]]).toEqual([
      7,
      "error: the installed router is damaged: zenohd does not have its SHA-256",
    ]);
  },
  60_000,
);

test("what cannot be verified is not installed, and says so", async () => {
  const { url, close } = await upstream({ listing: "" });
  using w = world();
  const { err, exitCode } = await w.kioku(["zenohd", "install", "--from", `${url}/zenoh`]);
  expect([exitCode, err]).toEqual([
    expect.any(Number),
    expect.stringMatching(/no SHA-256 is published for .*\n hint: nothing was installed/),
  ]);
  expect(exitCode).not.toBe(0);
  expect((await w.kioku(["zenohd", "path"])).exitCode).not.toBe(0);
  await close();
});

test("mesh run in a build without a router says once what to do, goes on waiting, and ends when it is told to", async () => {
  using w = world();
  await w.kioku(["init", "--mode", "hub", "--listen", "127.0.0.1:17999"]);
  const sources = join(import.meta.dir, "../../src/main.ts"); // which carry none, whatever build is tested
  const command = [process.execPath, sources, "mesh", "run"];
  await using running = Bun.spawn(command, { env: { HOME: w.home }, stdout: "ignore", stderr: "pipe" });
  const decoder = new TextDecoder();
  let said = "";
  for await (const bytes of running.stderr) {
    said += decoder.decode(bytes, { stream: true });
    if (said.includes("need none")) break;
  }
  expect(said.trimEnd()).toBe(
    "router: this build carries no router and none is installed (`kioku-mesh zenohd install` fetches Zenoh's own and verifies it; saves and searches need none)",
  );
  expect((await w.kioku(["save", "all the same"])).exitCode).toBe(0);
  running.kill("SIGTERM");
  expect(await running.exited).toBe(0);
  expect(existsSync(join(w.home, ".local/share/mesh-mem/mesh/zenohd.log"))).toBe(false);
});

test("drain and --rebuild say at once that there is no router, and the one that can goes on without", async () => {
  using w = world();
  await w.save("before there was a mesh");
  await w.kioku(["init", "--mode", "hub", "--listen", "127.0.0.1"]);
  const drained = await w.kioku(["drain", "--pending"]);
  expect([drained.exitCode, drained.err.split("\n")[0]]).toEqual([
    5,
    "error: this build carries no router and none is installed",
  ]);
  const { out, err, exitCode } = await w.kioku(["--rebuild", "search", "mesh"]);
  expect([exitCode, out.includes("before there was a mesh")]).toEqual([0, true]);
  expect(err).toStartWith("the mesh could not be read: this build carries no router and none is installed\n");
});
