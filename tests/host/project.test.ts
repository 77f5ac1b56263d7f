import { describe, expect, test } from "bun:test";
import { projectOf } from "../../src/host/project.ts";
import { testWith } from "../needs.ts";
import { temporary } from "../temporary.ts";

describe("the project is the name of the remote:", () => {
  test.each([
    ["https://example.com/org/app.git", "app"],
    ["https://example.com/org/app", "app"],
    ["https://example.com/org/app/", "app"],
    ["git@example.com:org/app.git", "app"],
    ["git@example.com:app.git", "app"],
    ["ssh://git@example.com:22/org/app.git/", "app"],
    ["../app/.git", "app"],
    ["/srv/git/app.git", "app"],
    ["C:\\git\\app.git", "app"],
    ["https://example.com/org/my.app.git", "my.app"],
    ["https://example.com/org/日本", "日本"],
  ])("%s → %s", (url, name) => {
    using files = temporary();
    files.file("folder/.git/config", `[core]\n\tbare = false\n[remote "origin"]\n\turl = ${url}\n\tfetch = +refs/*\n`);
    expect(projectOf(files.directory("folder/src/deep"))).toBe(name);
  });
});

test("origin counts before other remotes, else the first", () => {
  using files = temporary();
  const config = (first: string, second: string) =>
    `[remote "${first}"]\n\turl = https://x/one.git\n[remote "${second}"]\r\n\turl = https://x/two.git\r\n`;
  files.file(".git/config", config("fork", "origin"));
  expect(projectOf(files.path)).toBe("two");
  files.file(".git/config", config("fork", "upstream"));
  expect(projectOf(files.path)).toBe("one");
});

test("without a remote it is the folder, outside of a repository nothing", () => {
  using files = temporary();
  expect(projectOf(files.directory("plain"))).toBe("");
  files.file("my-app/.git/config", "[core]\n");
  expect(projectOf(files.directory("my-app/src"))).toBe("my-app");
  files.directory("no-config/.git");
  expect(projectOf(files.at("no-config"))).toBe("no-config");
});

test("a name is one line, whatever a repository's files say", () => {
  using files = temporary();
  files.file(".git/config", `[remote "origin"]\n\turl = https://x/a\u0007b\u001b[31m.git\n`);
  expect(projectOf(files.path)).toBe("a-b-[31m");
  files.file("other/.git", "gitdir: /dev/zero\n");
  expect(projectOf(files.at("other"))).toBe("other");
});

test.each([
  ["lines of nothing", `${" \n".repeat(120_000)}`],
  ["an address of slashes", `\turl = ${"/".repeat(250_000)}x\n`],
])("a repository's file of %s is read in no time", (_, body) => {
  using files = temporary();
  files.file("folder/.git/config", `[remote "origin"]\n${body}`);
  projectOf(files.at("folder")); // took minutes, at the start of every agent's session: the limit of a test is the proof
});

testWith("git")("all worktrees of a repository, a submodule and a bare one's worktrees have stable names", () => {
  using files = temporary();
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  function git(directory: string, ...argv: string[]): void {
    const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"];
    const { exitCode, stderr } = Bun.spawnSync(["git", "-C", directory, ...identity, ...argv], { env });
    if (exitCode !== 0) throw new Error(stderr.toString());
  }
  const main = files.directory("app");
  git(main, "init", "-q");
  git(main, "commit", "-q", "--allow-empty", "-m", "first");
  git(main, "worktree", "add", "-q", files.at("elsewhere/feature"));
  expect([projectOf(main), projectOf(files.at("elsewhere/feature"))]).toEqual(["app", "app"]);

  git(files.path, "clone", "-q", "--bare", main, files.at("store.git"));
  git(files.at("store.git"), "remote", "remove", "origin");
  git(files.at("store.git"), "worktree", "add", "-q", files.at("one"));
  git(files.at("store.git"), "worktree", "add", "-q", files.at("two"), "-b", "two");
  expect([projectOf(files.at("one")), projectOf(files.at("two"))]).toEqual(["store", "store"]);

  git(main, "submodule", "--quiet", "add", files.at("store.git"), "libs/inner");
  expect(projectOf(files.at("app/libs/inner"))).toBe("store");

  git(main, "remote", "add", "origin", "https://example.com/org/renamed.git");
  expect([projectOf(main), projectOf(files.at("elsewhere/feature"))]).toEqual(["renamed", "renamed"]);
});
