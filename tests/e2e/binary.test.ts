import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { compile, hostTarget, targets } from "../../build/compile.ts";
import { version } from "../../package.json";

const binary = process.env.KIOKU_BIN ?? join(import.meta.dir, "../../dist/kioku-mesh");
let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "kioku-binary-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

describe("a hostile working directory", () => {
  /** Everything that a runtime, a bundler or a package manager might pick up, each of which would leave a mark. */
  function hostileDirectory(): { directory: string; mark: string } {
    const directory = join(work, "hostile");
    const mark = join(work, "mark");
    mkdirSync(join(directory, "node_modules/zod"), { recursive: true });
    const evil = `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "run"); console.log("PWNED");`;
    writeFileSync(join(directory, "evil.js"), evil);
    writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./evil.js"]\n[test]\npreload = ["./evil.js"]\n');
    const state = "KIOKU_MESH_STATE_DIR=/nonexistent/elsewhere\nHOME=/nonexistent\n";
    for (const name of [".env", ".env.local", ".env.production"]) writeFileSync(join(directory, name), state);
    const paths = { compilerOptions: { paths: { "*": ["./evil.js"] }, jsx: "react" } };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(paths));
    const scripts = { preinstall: "node evil.js", mcp: "node evil.js" };
    writeFileSync(join(directory, "package.json"), JSON.stringify({ name: "evil", main: "evil.js", scripts }));
    writeFileSync(join(directory, ".npmrc"), "script-shell=./evil.js\n");
    writeFileSync(join(directory, "node_modules/zod/package.json"), JSON.stringify({ main: "../../evil.js" }));
    for (const name of ["citty", "@modelcontextprotocol"]) symlinkSync("zod", join(directory, "node_modules", name));
    return { directory, mark };
  }

  test("changes nothing: not the commands, not the server, not where memories go", async () => {
    const { directory, mark } = hostileDirectory();
    const home = join(work, "home");
    mkdirSync(home);
    const run = (...argv: string[]) => {
      const { stdout, stderr, exitCode } = Bun.spawnSync([binary, ...argv], {
        cwd: directory,
        env: { HOME: home, PATH: process.env.PATH ?? "" },
        stdin: "ignore",
      });
      return { out: stdout.toString(), err: stderr.toString(), exitCode };
    };
    expect(run("--version")).toEqual({ out: `kioku-mesh ${version}\n`, err: "", exitCode: 0 });
    expect(run("save", "in a hostile place").out).toMatch(/^saved: [0-9a-f]{32}\n$/);
    expect(run("search", "hostile").out).toContain("in a hostile place");
    expect(run("doctor", "--json").err).toBe("");
    expect(run("mcp", "serve")).toEqual({ out: "", err: "", exitCode: 0 });
    expect(await Bun.file(join(home, ".local/share/mesh-mem/memory.db")).exists()).toBe(true);
    expect(await Bun.file(mark).exists()).toBe(false);
  });
});

describe("the names it is called by", () => {
  test("kioku-mesh-mcp is the server, whatever its arguments", () => {
    const link = join(work, "kioku-mesh-mcp");
    symlinkSync(binary, link);
    const initialize = { jsonrpc: "2.0", id: 1, method: "initialize" };
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } };
    for (const argv of [[link], [link, "--help"], [binary, "mcp", "serve"]]) {
      const { stdout, exitCode } = Bun.spawnSync(argv, {
        env: { HOME: work },
        stdin: Buffer.from(`${JSON.stringify({ ...initialize, params })}\n`),
      });
      expect([argv.length, exitCode, JSON.parse(stdout.toString()).result.serverInfo.name]).toEqual([
        argv.length,
        0,
        "kioku-mesh",
      ]);
    }
  });
});

describe("the build", () => {
  test("gives the same bytes for the same source, wherever it is put", async () => {
    const [first, second] = [join(work, "build one"), join(work, "two")];
    const binaries = [await compile(hostTarget(), first), await compile(hostTarget(), second)];
    const sums = await Promise.all(binaries.map(async (path) => sha256(await Bun.file(path).bytes())));
    expect(sums[0]).toBe(sums[1]!);
    for (const path of binaries) rmSync(dirname(path), { recursive: true });
  }, 60_000);

  const magic: { [os: string]: number[] } = {
    linux: [0x7f, 0x45, 0x4c, 0x46],
    darwin: [0xcf, 0xfa, 0xed, 0xfe],
    windows: [0x4d, 0x5a],
  };
  for (const target of targets) {
    test(`compiles for ${target}`, async () => {
      const path = await compile(target, join(work, target));
      const head = new Uint8Array(await Bun.file(path).slice(0, 20).arrayBuffer());
      const start = magic[target.split("-")[0]!]!;
      expect(Array.from(head.slice(0, start.length))).toEqual(start);
      if (target.startsWith("linux")) expect(head[18]).toBe(target.includes("arm64") ? 0xb7 : 0x3e); // e_machine
      expect(basename(path)).toBe(target.startsWith("windows") ? "kioku-mesh.exe" : "kioku-mesh");
      rmSync(dirname(path), { recursive: true });
    }, 60_000);
  }
});
