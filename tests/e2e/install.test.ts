import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { hostTarget } from "../../build/compile.ts";
import { release } from "../../build/release.ts";
import { version } from "../../package.json";
import { testWith } from "../needs.ts";

const root = join(import.meta.dir, "../..");
const work = mkdtempSync(join(tmpdir(), "kioku-install-"));
const folder = join(work, "release");
const asset = `kioku-mesh-${hostTarget()}.tar.gz`;
const replaced = new Map<string, string | null | Response>(); // what a test serves in a file's place; null: nothing
let server: ReturnType<typeof Bun.serve>;

beforeAll(async () => {
  await release([hostTarget()], folder);
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url }) {
      const { pathname: path, search } = new URL(url);
      if (!path.startsWith("/latest/download/") && !path.startsWith(`/download/v${version}/`)) return notFound();
      const file = basename(path);
      const other = search === "" ? replaced.get(file) : undefined;
      if (other instanceof Response) return other.clone();
      if (other !== undefined) return other === null ? notFound() : new Response(other);
      return existsSync(join(folder, file)) ? new Response(Bun.file(join(folder, file))) : notFound();
    },
  });
}, 120_000);
afterAll(async () => {
  await server?.stop(true);
  rmSync(work, { recursive: true, force: true });
});

const notFound = () => new Response("no such file", { status: 404 });
const moved = (file: string) =>
  new Response(null, { status: 302, headers: { location: `/latest/download/${file}?there` } });

/** A user's home without anything in it, and the installer piped into a shell as that user would. */
function home(name: string) {
  const path = join(work, name);
  mkdirSync(path);
  const env = { PATH: process.env.PATH!, HOME: path, KIOKU_BASE_URL: server.url.href.replace(/\/$/, "") };
  const bin = join(path, ".local/bin");
  const sh = async (command: string, more: { [name: string]: string } = {}) => {
    const child = Bun.spawn(["sh", "-c", command], {
      env: { ...env, ...more },
      cwd: path,
      stdin: "ignore",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
    return { out, err, status: await child.exited };
  };
  const install = (options = "", shell = "sh", more = {}) =>
    sh(`curl -fsSL $KIOKU_BASE_URL/latest/download/install.sh | ${shell} -s -- ${options}`, more);
  const left = () => (existsSync(bin) ? readdirSync(bin) : []);
  return { path, bin, sh, install, left };
}

describe("curl | sh", () => {
  test("installs the newest release on a machine that has nothing of ours", async () => {
    const { bin, install, sh, left } = home("fresh");
    const { out, err, status } = await install();
    expect({ err, status }).toEqual({ err: "", status: 0 });
    expect(out).toContain("proved: saved a memory and found it again");
    expect(out).toContain(`export PATH="${bin}:$PATH"`);
    expect(left().toSorted()).toEqual(["kioku-mesh", "kioku-mesh-mcp"]);
    expect(readlinkSync(join(bin, "kioku-mesh-mcp"))).toBe("kioku-mesh");
    expect((await sh(".local/bin/kioku-mesh --version")).out).toBe(`kioku-mesh ${version}\n`);
    expect((await sh("ls -A .local")).out).toBe("bin\n"); // the proof left no memory behind
  });

  for (const shell of ["dash", "bash"] as const) {
    const run = shell === "dash" ? testWith("dash") : test;
    run(`works in ${shell}, and says no PATH line where none is needed`, async () => {
      const { bin, install } = home(shell);
      const { out, status } = await install("", shell, { PATH: `${bin}:${process.env.PATH}` });
      expect(status).toBe(0);
      expect(out).not.toContain("export PATH");
    });
  }

  test("proves the binary by itself, whatever the folder it is started in and the user's variables say", async () => {
    const { path, install } = home("settings");
    writeFileSync(join(path, ".kioku-mesh.yaml"), "default_visibility: {");
    const { err, status } = await install("", "sh", {
      MESH_MEM_BACKEND: "zenoh",
      KIOKU_MESH_DEFAULT_VISIBILITY: "user",
    });
    expect({ err, status }).toEqual({ err: "", status: 0 });
  });

  test("installs a pinned version, by argument or by environment, into the folder asked for", async () => {
    const { path, install } = home("pinned");
    const dir = join(path, "my programs");
    expect((await install(`--version ${version} --dir "${dir}"`)).status).toBe(0);
    expect(existsSync(join(dir, "kioku-mesh"))).toBe(true);
    const relative = await install("--dir here", "sh", { HOME: "", PATH: `${dir}:${process.env.PATH}` });
    expect(relative.out).toContain(`export PATH="${join(path, "here")}:$PATH"`);
    expect(relative.out).toContain(`note: ${dir}/kioku-mesh comes before it on your PATH`);
    const missing = await install("", "sh", { KIOKU_VERSION: "9.9.9" });
    expect(missing.status).toBe(1);
    expect(missing.err).toContain("could not download");
  });

  test("goes without curl where wget is there", async () => {
    const { sh, left, path } = home("wget");
    const tools = "sh uname mktemp mkdir rm mv ln chmod tar gzip awk sha256sum grep ldd wget cat".split(" ");
    const commands = tools.map((tool) => `ln -s ${Bun.which(tool)} tools/${tool}`).join(" && ");
    expect((await sh(`mkdir tools && ${commands}`)).status).toBe(0);
    writeFileSync(join(path, "install.sh"), await Bun.file(join(folder, "install.sh")).text());
    const { err, status } = await sh("sh install.sh", { PATH: join(path, "tools") });
    expect({ err, status }).toEqual({ err: "", status: 0 });
    expect(left()).toContain("kioku-mesh");
  });
});

describe("refuses, and leaves nothing behind", () => {
  const refusals: [name: string, file: string, content: string | null | Response, says: string][] = [
    ["a wrong checksum", "SHA256SUMS", `${"0".repeat(64)}  ${asset}\n`, "the checksum of"],
    ["no checksum of this archive", "SHA256SUMS", `${"0".repeat(64)}  other\n`, "SHA256SUMS does not list"],
    ["no checksums at all", "SHA256SUMS", null, "could not download"],
    ["no archive", asset, null, "could not download"],
    ["an archive that moved to where anybody could replace it", asset, moved(asset), "could not download"],
    ["checksums that moved there too", "SHA256SUMS", moved("SHA256SUMS"), "could not download"],
  ];
  for (const [name, file, content, says] of refusals) {
    test(name, async () => {
      replaced.set(file, content);
      try {
        const { install, left } = home(name.replaceAll(" ", "-"));
        const { err, status } = await install();
        expect(status).toBe(1);
        expect(err).toContain(says);
        expect(left()).toEqual([]);
      } finally {
        replaced.delete(file);
      }
    });
  }

  test("an installer cut off at any line, and within its last one", async () => {
    const { path, sh } = home("cut");
    const text = await Bun.file(join(folder, "install.sh")).text();
    const lines = text.trimEnd().split("\n");
    for (const i of lines.keys()) writeFileSync(join(path, `cut-${i}.sh`), lines.slice(0, i).join("\n"));
    const last = text.lastIndexOf("main");
    for (let i = last; i < last + 'main "$@";'.length; i++)
      writeFileSync(join(path, `cut-at-${i}.sh`), text.slice(0, i));
    await sh('for script in cut-*.sh; do sh "$script" 2>/dev/null; rm "$script"; done');
    expect(readdirSync(path)).toEqual([]);
  });

  test("an unknown option, and a folder that cannot be written", async () => {
    const { install } = home("options");
    expect((await install("--frobnicate")).err).toContain("unknown option '--frobnicate'");
    for (const options of ["--dir /proc/nowhere", `--dir ${join(folder, "..")}/taken`]) {
      mkdirSync(join(work, "taken/kioku-mesh"), { recursive: true });
      expect((await install(options)).err).toContain("say where to install with --dir");
    }
    expect((await install("", "sh", { HOME: "" })).err).toContain("HOME is not set: say where");
  });

  testWith("mounts")("a full disk", async () => {
    const { path, sh } = home("full");
    const script = join(folder, "install.sh");
    const inNamespace = `mount -t tmpfs -o size=60m tmpfs disk && sh ${script} --dir disk/bin; s=$?; ls -A disk/bin; exit $s`;
    mkdirSync(join(path, "disk"));
    const { out, err, status } = await sh(`unshare -m sh -c '${inNamespace}'`);
    expect(status).toBe(1);
    expect(err).toContain("error:");
    expect(out).not.toContain("proved");
    expect(out!.trim().split("\n").at(-1)).toContain("downloading"); // nothing is listed after it
  });
});

test("upgrades while the old server runs, which goes on", async () => {
  const { bin, install, path } = home("upgrade");
  expect((await install()).status).toBe(0);
  const old = Bun.spawn([join(bin, "kioku-mesh-mcp")], { env: { HOME: path }, stdin: "pipe", stdout: "pipe" });
  const reader = old.stdout.getReader();
  const ask = async (message: object) => {
    old.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    await old.stdin.flush();
    return new TextDecoder().decode((await reader.read()).value);
  };
  const clientInfo = { name: "test", version: "1" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  expect(await ask({ id: 1, method: "initialize", params })).toContain("kioku-mesh");
  expect((await install()).status).toBe(0);
  expect(await ask({ id: 2, method: "ping" })).toContain('"id":2');
  await old.stdin.end();
  expect(await old.exited).toBe(0);
});

test("the installer builds from a checkout too", async () => {
  const { path, sh, bin } = home("source");
  const { out, status } = await sh(`${join(root, "install.sh")} --source`, { HOME: path });
  expect(status).toBe(0);
  expect(out).toContain("proved: saved a memory and found it again");
  expect((await sh(`${join(bin, "kioku-mesh")} --version`)).out).toBe(`kioku-mesh ${version}\n`);
});

testWith("shellcheck")("shellcheck has nothing to say of our shell scripts", async () => {
  const scripts = ["install.sh", "build/bun.sh", ".ci/run"].map((script) => join(root, script));
  const { stdout } = Bun.spawnSync(["shellcheck", ...scripts]);
  expect(stdout.toString()).toBe("");
});
