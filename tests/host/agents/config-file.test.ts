import { afterEach, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { editConfig } from "../../../src/host/agents/config-file.ts";
import { testWith } from "../../needs.ts";

const made: string[] = [];
afterEach(() => made.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })));

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "kioku-config-"));
  made.push(path);
  return path;
}

const now = new Date("2026-11-22T06:38:15.659Z");
const stamp = "bak-20261122T063815Z";

test("a new file is readable for its owner alone, and needs no backup", () => {
  const path = join(folder(), "deep", "er", "config.toml");
  expect(editConfig(path, now, (text) => `${text}!`)).toBeUndefined();
  expect(readFileSync(path, "utf8")).toBe("undefined!");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("an edited file keeps its mode, and its old text in a backup that its owner alone can read", () => {
  const path = join(folder(), "config.toml");
  writeFileSync(path, "old");
  chmodSync(path, 0o664);
  const backup = editConfig(path, now, () => "new");
  expect(backup).toBe(`${path}.${stamp}`);
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o777).toBe(0o664);
  expect(readFileSync(backup!, "utf8")).toBe("old");
  expect(statSync(backup!).mode & 0o777).toBe(0o600);
});

test("two edits in one second keep two backups", () => {
  const path = join(folder(), "config.toml");
  writeFileSync(path, "1");
  expect([editConfig(path, now, () => "2"), editConfig(path, now, () => "3")]).toEqual([
    `${path}.${stamp}`,
    `${path}.${stamp}-2`,
  ]);
});

test("an edit that changes nothing writes nothing", () => {
  const at = folder();
  writeFileSync(join(at, "config.toml"), "old");
  const { ino, mtimeMs } = statSync(join(at, "config.toml"));
  expect(editConfig(join(at, "config.toml"), now, (text) => text)).toBeUndefined();
  expect(statSync(join(at, "config.toml"))).toMatchObject({ ino, mtimeMs });
  expect(readdirSync(at)).toEqual(["config.toml"]);
});

test("a link to a file stays a link, also where the file is not there yet", () => {
  const at = folder();
  mkdirSync(join(at, "dotfiles"));
  symlinkSync("dotfiles/codex.toml", join(at, "config.toml"));
  for (const text of ["first", "second"]) {
    editConfig(join(at, "config.toml"), now, () => text);
    expect(lstatSync(join(at, "config.toml")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(at, "dotfiles/codex.toml"), "utf8")).toBe(text);
  }
});

test("a file that another program writes meanwhile is left as that program wrote it", () => {
  const at = folder();
  const path = join(at, "config.toml");
  writeFileSync(path, "old");
  const edit = () => {
    writeFileSync(path, "theirs");
    return "ours";
  };
  expect(() => editConfig(path, now, edit)).toThrow("changed by another program meanwhile");
  expect(readFileSync(path, "utf8")).toBe("theirs");
  expect(readdirSync(at).toSorted()).toEqual(["config.toml", `config.toml.${stamp}`]);
});

test("what is no UTF-8 text is not touched", () => {
  const path = join(folder(), "config.toml");
  writeFileSync(path, new Uint8Array([0x61, 0xff]));
  expect(() => editConfig(path, now, () => "new")).toThrow("no UTF-8");
});

testWith("mounts")("where nothing can be written the file stays whole and no draft is left", () => {
  const at = folder();
  const script = `
    mount -t tmpfs -o size=64k tmpfs "$1" && cd "$1" && printf old > config.toml
    head -c 1000000 /dev/zero > full 2>/dev/null
    bun -e 'import { editConfig } from "${join(import.meta.dir, "../../../src/host/agents/config-file.ts")}";
      try { editConfig(process.argv[1], new Date(), () => "x".repeat(9000)) } catch (e) { console.log(e.code, e.message) }' "$1/config.toml"
    cat config.toml; echo; ls -A`;
  const { stdout } = Bun.spawnSync(["unshare", "-m", "sh", "-c", script, "sh", at]);
  expect(stdout.toString()).toMatch(/^unavailable .*config\.toml cannot be written.*\nold\nconfig\.toml\n/);
  expect(stdout.toString()).not.toMatch(/\n\.config/);
});
