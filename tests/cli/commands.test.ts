import { describe, expect, test } from "bun:test";
import { world } from "../world.ts";

async function refused(argv: string[]) {
  using w = world();
  const { out, err, exitCode } = await w.kioku(argv);
  expect([out, exitCode]).toEqual(["", 2]);
  return err;
}

describe("a command line that cannot be is refused with one line and a hint:", () => {
  test.each([
    [["svae", "x"], "unknown command 'svae'", "did you mean save?"],
    [["frobnicate"], "unknown command 'frobnicate'", "see: kioku-mesh --help"],
    [["toString"], "unknown command 'toString'", "see: kioku-mesh --help"],
    [["mcp"], "mcp needs a subcommand", "one of: mcp install, mcp uninstall, mcp serve"],
    [["mcp", "sevre"], "unknown command 'mcp sevre'", "did you mean mcp serve?"],
    [["mcp", "--loud", "serve"], "unknown command 'mcp --loud'", "see: kioku-mesh --help"],
    [["save"], "the argument CONTENT is missing", "see: kioku-mesh save --help"],
    [["save", "two", "words"], "unexpected argument 'words'", "quote text that has spaces"],
    [["save", "x", "--projct", "y"], "unknown option '--projct'", "did you mean --project?"],
    [["save", "x", "--scop=user"], "unknown option '--scop'", "see: kioku-mesh save --help"],
    [["save", "x", "-z"], "unknown option '-z'", "see: kioku-mesh save --help"],
    [["save", "-5 degrees"], "unknown option '-5'", "text that begins with a dash goes behind `--`, after all options"],
    [["save", "x", "--project"], "--project needs a value", "see: kioku-mesh save --help"],
    [["save", "x", "-p", "--tags"], "-p needs a value", "one that begins with a dash is written --project=--tags"],
    [["search", "--include-superseded=1"], "--include-superseded takes no value", "see: kioku-mesh search --help"],
    [["search", "-n", "many"], "--limit takes a number, got 'many'", "see: kioku-mesh search --help"],
    [["search", "--no-limit"], "unknown option '--no-limit'", "see: kioku-mesh search --help"],
    [["search", "--rebuild"], "unknown option '--rebuild'", "it goes before the command: kioku-mesh --rebuild ..."],
    [["--rebild", "status"], "unknown option '--rebild'", "did you mean --rebuild?"],
    [
      ["--limit", "status"],
      "unknown option '--limit'",
      "the options of a command go behind it; see: kioku-mesh --help",
    ],
  ])("%j", async (argv, message, hint) => {
    expect(await refused(argv)).toBe(`error: ${message}\n hint: ${hint}\n`);
  });
});

describe("a value that cannot be is refused under the name it was given by:", () => {
  test.each([
    [["save", "x", "--importance", "9"], "--importance must be at most 5, got 9"],
    [["save", "x", "--importance", "-1"], "--importance must be at least 1, got -1"],
    [["save", "x", "--importance", "2.5"], "--importance must be a whole number, got 2.5"],
    [["search", "--format", "xml"], '--format must be one of text, markdown, json, got "xml"'],
    [["search", "-n", "-5"], "--limit must be at least 1, got -5"],
    [["search", "-n", "0"], "--limit must be at least 1, got 0"],
    [["delete", "-p", "x", "--batch-size", "0"], "--batch-size must be at least 1, got 0"],
    [["init", "--mode", "cloud"], '--mode must be one of local, hub, spoke, localhost, got "cloud"'],
  ])("%j", async (argv, message) => {
    expect(await refused(argv)).toBe(`error: ${message}\n`);
  });
});

test("mcp serve takes no arguments", async () => {
  expect(await refused(["mcp", "serve", "--port", "1"])).toBe("error: mcp serve takes no arguments, got '--port'\n");
});

test("with --json an error is JSON, and so is what is said beside an answer", async () => {
  using w = world();
  const wrong = await w.kioku(["save", "x", "--importance", "9", "--json"]);
  expect(JSON.parse(wrong.err)).toEqual({ error: { code: "usage", message: "--importance must be at most 5, got 9" } });
  await w.save("x", "-p", "demo");
  const dry = await w.kioku(["delete", "-p", "demo", "--dry-run", "--json"]);
  expect(
    dry.err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))[0],
  ).toEqual({
    note: "bulk delete target: 1 entries (project='demo')",
  });
  expect(JSON.parse(dry.out)).toEqual({ matched: 1, deleted: [] });
});

test("--json prints every command's output on one line", async () => {
  using w = world();
  const id = await w.save("x");
  const lines = [["search"], ["get-memory", id], ["status"], ["delete", id], ["gc"], ["drain", "--pending"], ["init"]];
  for (const argv of lines) {
    const { out, exitCode } = await w.kioku([...argv, "--json"]);
    expect([argv, exitCode]).toEqual([argv, 0]);
    expect(out.endsWith("\n") && out.indexOf("\n") === out.length - 1).toBe(true);
    expect(typeof JSON.parse(out)).toBe("object");
  }
});

describe("help", () => {
  test("lists every command under its heading, and the exit statuses", async () => {
    using w = world();
    const { out, err, exitCode } = await w.kioku(["--help"]);
    expect([err, exitCode]).toEqual(["", 0]);
    for (const heading of ["Memory", "Upkeep", "This machine", "Options", "Exit status"]) {
      expect(out).toContain(`\n${heading}\n`);
    }
    for (const command of ["save", "search", "get-memory", "delete", "gc", "init", "status", "drain", "doctor"]) {
      expect(out).toMatch(new RegExp(`^  ${command} +\\w`, "m"));
    }
    expect((await w.kioku(["help"])).out).toBe(out);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("of a command is the same by --help, -h and help, whatever else is said", async () => {
    using w = world();
    const { out } = await w.kioku(["save", "--help"]);
    expect(out).toStartWith("Remember one observation.\n\nUsage: kioku-mesh save CONTENT [OPTIONS]\n\nArguments\n");
    expect(out).toContain("\n  -p, --project PROJECT ");
    expect(out).toContain("One of bug, config,");
    expect(out).toContain("Default: note.");
    for (const argv of [
      ["help", "save"],
      ["save", "-h"],
      ["save", "x", "--nonsense", "--help"],
    ]) {
      expect(await w.kioku(argv)).toEqual({ out, err: "", exitCode: 0 });
    }
    expect((await w.kioku(["gc", "--help"])).out).toContain("--no-shadow-prune");
  });

  test("behind -- is text", async () => {
    using w = world();
    const id = await w.save("--subject", "s", "--", "--help");
    expect((await w.kioku(["get-memory", id])).out).toEndWith("---\n--help\n");
  });

  test("of a group lists what is in it", async () => {
    using w = world();
    const { out, exitCode } = await w.kioku(["mcp", "--help"]);
    expect([out.split("\n")[0], exitCode]).toEqual(["Usage: kioku-mesh mcp COMMAND ...", 0]);
    expect((await w.kioku(["help", "mcp"])).out).toBe(out);
    expect(await w.kioku(["help", "svae"])).toEqual({
      out: "",
      err: "error: unknown command 'svae'\n hint: did you mean save?\n",
      exitCode: 2,
    });
  });

  test("holds no colour", async () => {
    using w = world();
    expect((await w.kioku(["--help"])).out).not.toContain("\u001b");
  });
});

test("flags: short ones with their value, lists by commas and by repeating, the last of two, off by --no-", async () => {
  using w = world();
  const { out } = await w.kioku(["save", "x", "-pfirst", "-p=second", "-t", "a, b", "--tags=c", "--json"]);
  const { observation_id } = JSON.parse(out);
  const shown = (await w.kioku(["get-memory", observation_id])).out;
  expect(shown).toContain("project: second\n");
  expect(shown).toContain("tags: a, b, c\n");
  expect((await w.kioku(["search", "--no-include-superseded"])).exitCode).toBe(0);
});
