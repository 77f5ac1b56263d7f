import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { world } from "../world.ts";

/** The values that a shell is offered for a command line; the last word is being typed. */
async function offered(w: ReturnType<typeof world>, ...words: string[]): Promise<string[]> {
  const { out, err, exitCode } = await w.kioku(["__complete", "--", ...words]);
  expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  return out
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t")[0]!);
}

describe("the words of a command line are completed:", () => {
  test.each<[words: string[], values: string[]]>([
    [["sta"], ["status"]],
    [["get"], ["get-memory"]],
    [
      ["mcp", ""],
      ["install", "uninstall", "serve"],
    ],
    [["mcp", "un"], ["uninstall"]],
    [["--rebuild", "sta"], ["status"]],
    [["--re"], ["--rebuild"]],
    [["help", "mcp", "i"], ["install"]],
    [["help", "sea"], ["search"]],
    [["mcp", "install", "--dr"], ["--dry-run"]],
    [
      ["mcp", "install", "--client", ""],
      ["claude-code", "codex-cli"],
    ],
    [["mcp", "install", "--client=co"], ["--client=codex-cli"]],
    [["save", "x", "--memory-type", "d"], ["decision"]],
    [["recall-context", "--memory-types", "bug,d"], ["bug,decision"]],
    [["completion", "z"], ["zsh"]],
    [["init", "--out", "/et"], [":files"]],
    [["save", "x", "--importance", ""], []],
    [["save", "--", "--pro"], []],
    [["frobnicate", ""], []],
    [["mcp", "install", "--client", "codex-cli", "--cl"], []],
    [["mcp", "install", "-e", "A=b", "--en"], ["--env"]],
    [["save", "x", "-p", "--pro"], []],
    [["mcp", "install", "--dry-run=x", "--js"], ["--json"]],
  ])("%j", async (words, values) => {
    using w = world();
    expect(await offered(w, ...words)).toEqual(values);
  });
});

test("a first word is one of the commands, each with what it does", async () => {
  using w = world();
  const { out } = await w.kioku(["__complete", "--", ""]);
  expect(out).toContain("save\tRemember one observation.\n");
  expect(out).toContain("mcp\tinstall, uninstall, serve\n");
  expect(out).not.toContain("__complete");
});

test("every flag of a command is offered once, those that are given no more", async () => {
  using w = world();
  const flags = await offered(w, "search", "--project", "x", "--");
  expect(flags).toContain("--limit");
  expect(flags).not.toContain("--project");
  expect(new Set(flags).size).toBe(flags.length);
});

describe("what the memory holds is completed:", () => {
  test("projects and hosts and who has spoken", async () => {
    using w = world();
    for (const project of ["beta", "alpha", "beta"]) await w.save("x", "-p", project);
    await w.kioku(["delete", await w.save("gone", "-p", "gone")]);
    expect(await offered(w, "search", "-p", "")).toEqual(["alpha", "beta", "."]);
    expect(await offered(w, "save", "x", "--project=be")).toEqual(["--project=beta"]);
    const { pc_id } = w.context().context.who();
    expect(await offered(w, "delete", "--pc-id", "")).toEqual([pc_id]);
    expect(await offered(w, "gc", "--by-pc-id", pc_id.slice(0, 4))).toEqual([pc_id]);
    expect(await offered(w, "search", "--agent-family", "")).toEqual(["claude"]);
    expect(await offered(w, "search", "--client-id", "")).toEqual(["claude-code"]);
    expect(await offered(w, "search", "--session-id", "")).toEqual(["s-1"]);
  });

  test("ids, each with what it is about, the newest first", async () => {
    using w = world();
    const ids = [await w.save("only content", "-p", "p")];
    w.pass(1000);
    ids.push(await w.save("content", "--summary", "a summary"));
    w.pass(1000);
    ids.push(await w.save("content", "--subject", "a subject", "--summary", "a summary"));
    const { out } = await w.kioku(["__complete", "--", "get-memory", ""]);
    expect(out).toBe(`${ids[2]}\ta subject\n${ids[1]}\ta summary\n${ids[0]}\tonly content\n`);
    for (const id of ids) {
      for (const length of [1, 3, 8, 32]) expect(await offered(w, "delete", id.slice(0, length))).toContain(id);
    }
    expect(await offered(w, "save", "x", "--supersedes", `${ids[0]},${ids[1]!.slice(0, 8)}`)).toEqual([
      `${ids[0]},${ids[1]}`,
    ]);
  });

  test("but nothing that could harm a terminal", async () => {
    using w = world();
    await w.save("x", "--project", "\u001b[31mred", "--subject", "two\nlines \u001b]0;title\u0007 \u202eback");
    await w.save("x", "--project", "tab\there");
    expect(await offered(w, "search", "-p", "")).toEqual(["."]);
    const { out } = await w.kioku(["__complete", "--", "get-memory", ""]);
    expect(out).toContain("\ttwo lines ]0;title back\n");
    expect(out).not.toMatch(/[^\P{Cc}\t\n]|\p{Cf}/u);
  });
});

describe("completion is silent and leaves no trace", () => {
  test("where there is no memory", async () => {
    using w = world();
    expect(await offered(w, "search", "-p", "")).toEqual([]);
    expect(readdirSync(w.home)).toEqual([]);
  });

  test("where the database is none, of another schema, or locked", async () => {
    using w = world();
    await w.save("x", "-p", "demo");
    const database = w.context().context.paths.database;
    const files = () => readdirSync(join(database, "..")).toSorted();
    const before = files();
    const db = new Database(database);
    db.run("pragma user_version = 99");
    expect(await offered(w, "search", "-p", "")).toEqual([]);
    db.run("pragma user_version = 1");
    expect(await offered(w, "search", "-p", "")).toEqual(["demo", "."]);
    db.run("pragma locking_mode = exclusive");
    db.run("begin exclusive");
    expect(await offered(w, "search", "-p", "")).toEqual([]);
    db.close();
    expect(files()).toEqual(before);
    writeFileSync(
      database,
      "this is no database, but long enough to look like a file that someone put there by mistake",
    );
    expect(await offered(w, "search", "-p", "")).toEqual([]);
  });

  test("where HOME is not set", async () => {
    using w = world();
    const { out, err, exitCode } = await w.kioku(["__complete", "--", "search", "-p", ""], { env: { HOME: "" } });
    expect({ out, err, exitCode }).toEqual({ out: "", err: "", exitCode: 0 });
  });
});
