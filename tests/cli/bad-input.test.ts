import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { world } from "../world.ts";

const limit = 1024 * 1024;

/** What a save says that is refused; nothing is saved by it. */
async function refused(argv: string[], stdin: string | Uint8Array = ""): Promise<string> {
  using w = world();
  const { out, err, exitCode } = await w.kioku(["save", ...argv], { stdin });
  expect([out, exitCode]).toEqual(["", 2]);
  expect((await w.kioku(["search"])).out).toBe("No matching memories.\n");
  return err;
}

/** The content of what was saved. */
async function saved(argv: string[], stdin: string | Uint8Array = ""): Promise<string> {
  using w = world();
  const { out, err } = await w.kioku(["save", ...argv, "--json"], { stdin });
  if (out === "") throw new Error(err);
  const { observation } = JSON.parse((await w.kioku(["get-memory", JSON.parse(out).observation_id, "--json"])).out);
  return observation.content;
}

describe("content", () => {
  test.each([[""], [" \n\t "], ["\u3000"]])("that is empty is refused: %j", async (content) => {
    expect(await refused([content])).toBe("error: content is empty\n hint: say what to remember\n");
    expect(await refused(["-"], content)).toStartWith("error: content is empty\n");
  });

  test("of the limit is saved, one byte more is refused and the limit named", async () => {
    expect((await saved(["x".repeat(limit)])).length).toBe(limit);
    expect((await saved(["-"], `${"é".repeat(limit / 2)}\n`)).length).toBe(limit / 2);
    expect(await refused(["x".repeat(limit + 1)])).toStartWith(
      "error: content has 1048577 bytes, the limit is 1048576 (1 MiB)\n hint: ",
    );
    expect(await refused([`é${"x".repeat(limit - 1)}`])).toStartWith("error: content has 1048577 bytes");
    expect(await refused(["-"], "x".repeat(limit + 1))).toStartWith("error: content has 1048577 bytes");
    expect(await refused(["-"], "x".repeat(5 * limit))).toStartWith(
      "error: standard input is over the limit of 1048576 bytes (1 MiB)\n hint: ",
    );
  });

  test("with a NUL is refused, wherever it comes from", async () => {
    const message = "error: CONTENT must not contain NUL characters\n";
    expect(await refused(["a\0b"])).toBe(message);
    expect(await refused(["-"], "a\0b")).toBe(message);
    expect(await refused(["x", "--subject", "\0"])).toBe("error: --subject must not contain NUL characters\n");
    expect(await refused(["x", "--tags", "a,\0"])).toBe("error: --tags must not contain NUL characters\n");
  });

  test("with half a surrogate pair is refused", async () => {
    expect(await refused(["a\ud800b"])).toBe("error: CONTENT must be valid Unicode (it contains a lone surrogate)\n");
    expect(await refused(["x", "-p", "\udc00"])).toBe(
      "error: --project must be valid Unicode (it contains a lone surrogate)\n",
    );
  });

  test("of every script and every plane is kept to the character", async () => {
    const text = "日本語 العربية 👩‍👩‍👧 \u{10ffff} e\u0301 \ufffd \u202e \r\n\t end";
    expect(await saved([text])).toBe(text);
    expect(await saved(["-"], text)).toBe(text);
  });
});

describe("standard input", () => {
  test("loses the newline that ends it, and nothing else", async () => {
    expect(await saved(["-"], "one\ntwo\n")).toBe("one\ntwo");
    expect(await saved(["-"], "one\r\n")).toBe("one");
    expect(await saved(["-"], "  one\n\n")).toBe("  one\n");
    expect(await saved(["-"], "\ufeffone")).toBe("one");
  });

  test.each([
    ["at the start", [0xff, 0x61], 1],
    ["in the middle", [0x61, 0x62, 0xc3, 0x28], 3],
    ["a surrogate", [0x61, 0xed, 0xa0, 0x80], 2],
    ["an overlong form", [0xc0, 0xaf], 1],
    ["cut off at the end", [0x61, 0xe6, 0x97], 2],
    ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80], 1],
    ["in Latin-1", [...Buffer.from("caf\xe9 au lait", "latin1")], 4],
  ])("that is no UTF-8 is refused, with the place: %s", async (_, bytes, place) => {
    expect(await refused(["-"], Uint8Array.from(bytes))).toBe(
      `error: standard input is no valid UTF-8: the first wrong byte is byte ${place}\n` +
        " hint: convert it first, for example with `iconv -t utf-8`\n",
    );
  });

  test("that is no UTF-8 far behind is refused as exactly", async () => {
    const bytes = Buffer.from(`${"日".repeat(100_000)}x`);
    bytes[299_999] = 0x41; // the last byte of the last 日, which begins at byte 299,998
    expect(await refused(["-"], bytes)).toContain("the first wrong byte is byte 299998\n");
  });

  test("is only read for -", async () => {
    expect(await saved(["x"], "not this")).toBe("x");
  });
});

describe("values", () => {
  test.each([
    [["x", "--importance", "9"], "--importance must be at most 5, got 9"],
    [["x", "--importance", "high"], "--importance takes a number, got 'high'"],
    [["x", "--importance", ""], "--importance takes a number, got ''"],
    [["x", "--importance", "1e999"], "--importance takes a number, got '1e999'"],
    [
      ["x", "--memory-type", "fact"],
      "--memory-type must be one of ['bug', 'config', 'decision', 'note', 'pattern', 'summary']. got: 'fact'",
    ],
    [["x", "--visibility", "world"], '--visibility must be one of user, team, mesh, got "world"'],
    [["x", "--visibility", "user"], "visibility 'user' needs a user id"],
    [["x", "--expires-at", "tomorrow"], "'tomorrow' is no ISO-8601 time"],
    [["x", "--expires-at", "2026-02-30"], "'2026-02-30' is no ISO-8601 time"],
    [["x", "--ttl", "soon"], "'soon' is no duration"],
    [["x", "--ttl", "0s"], "'0s' is no duration"],
    [["x", "--ttl", "999999999w"], "'999999999w' is no duration"],
    [["x", "--ttl", "1d", "--expires-at", "2027-01-01"], "expires_at and ttl cannot be combined"],
  ])("%j", async (argv, message) => {
    expect((await refused(argv)).split("\n")[0]).toStartWith(`error: ${message}`);
  });

  test.each([
    [["get-memory", ""], "observation_id must be a full 32-character match."],
    [["get-memory", "g".repeat(32)], "observation_id must be a full 32-character match."],
    [["get-memory", "a".repeat(33)], "observation_id must be a full 32-character match."],
    [["get-memory", "%".repeat(32)], "observation_id must be a full 32-character match."],
    [["search", "--since", "2026-13-01"], "error: '2026-13-01' is no date or time"],
    [["search", "--since", "yesterday"], "error: 'yesterday' is no date or time"],
    [["gc", "--retention-days", "1.5"], "error: --retention-days must be a whole number, got 1.5"],
    [["drain", "--pending", "--limit", "0"], "error: --limit must be 1 or greater."],
  ])("%j", async (argv, message) => {
    using w = world();
    const { out, err, exitCode } = await w.kioku(argv);
    expect([out, err.split("\n")[0], exitCode]).toEqual(["", message, 2]);
  });

  test("a retention of more days than time has goes back to its beginning", async () => {
    using w = world();
    expect((await w.kioku(["gc", "--retention-days", "999999999"])).exitCode).toBe(0);
  });
});

describe("files and directories", () => {
  test.each([
    ["broken", "backend: [", 2, "is no valid YAML"],
    ["of a newer version", "version: 2\n", 7, "is of version 2, this build reads 1"],
  ])(
    "a configuration that is %s stops what would use it, names the file, and loses nothing",
    async (_, text, status, words) => {
      using w = world();
      const id = await w.save("kept");
      const config = w.files.file(".config/mesh-mem/config.yaml", text);
      for (const argv of [["save", "x"], ["search"], ["status"], ["get-memory", id], ["gc"]]) {
        const { out, err, exitCode } = await w.kioku(argv);
        expect([argv[0], out, exitCode]).toEqual([argv[0], "", status]);
        expect(err).toStartWith(`error: ${config} ${words}\n hint: `);
      }
      for (const argv of [["--version"], ["--help"], ["init", "--print"]])
        expect((await w.kioku(argv)).exitCode).toBe(0);
      expect((await w.kioku(["init", "--force"])).exitCode).toBe(0);
      expect((await w.kioku(["search"])).out).toContain(id);
    },
  );

  test("a configuration that cannot be read is named", async () => {
    using w = world();
    const config = join(w.files.directory(".config/mesh-mem"), "config.yaml");
    symlinkSync(config, config);
    const { err, exitCode } = await w.kioku(["search"]);
    expect([err, exitCode]).toEqual([`error: ${config} cannot be read\n hint: check its permissions\n`, 5]);
  });

  test("without HOME, or with one that cannot hold our files, the answer says what to set", async () => {
    using w = world();
    const none = await w.kioku(["save", "x"], { env: { HOME: "" } });
    expect([none.err, none.exitCode]).toEqual([
      "error: HOME is not set\n hint: set HOME, or both KIOKU_MESH_STATE_DIR and XDG_CONFIG_HOME\n",
      5,
    ]);
    const device = await w.kioku(["save", "x"], { env: { HOME: "/dev/null" } });
    expect([device.err, device.exitCode]).toEqual([
      "error: the directory cannot be made: /dev/null/.local/share/mesh-mem\n" +
        " hint: check the permissions above it, or name others in KIOKU_MESH_STATE_DIR and XDG_CONFIG_HOME\n",
      5,
    ]);
    const config = await w.kioku(["init"], { env: { HOME: "/dev/null" } });
    expect([config.out, config.exitCode]).toEqual(["", 5]);
  });

  test("a directory in the place of the database is no database", async () => {
    using w = world();
    mkdirSync(join(w.home, ".local/share/mesh-mem/memory.db"), { recursive: true });
    const { err, exitCode } = await w.kioku(["save", "x"]);
    expect([err.startsWith("error: the database cannot be opened: "), exitCode]).toEqual([true, 5]);
  });

  test("what is no database is left as it is", async () => {
    using w = world();
    const path = w.files.file(".local/share/mesh-mem/memory.db", "precious text ".repeat(100));
    const { exitCode } = await w.kioku(["save", "x"]);
    expect(exitCode).toBe(7);
    expect(await Bun.file(path).text()).toBe("precious text ".repeat(100));
  });

  test("MESH_MEM_INDEX_DB is ignored, with a warning where the memory is used", async () => {
    using w = world();
    const env = { MESH_MEM_INDEX_DB: join(w.home, "index.db") };
    const { err, exitCode } = await w.kioku(["save", "x"], { env });
    expect([err, exitCode]).toEqual([
      "warning: MESH_MEM_INDEX_DB is ignored: the search tables are inside the database\n",
      0,
    ]);
    expect((await w.kioku(["--version"], { env })).err).toBe("");
    expect(await Bun.file(env.MESH_MEM_INDEX_DB).exists()).toBe(false);
  });

  test("a broken project file stops saves in its repository, and nothing else", async () => {
    using w = world();
    const directory = w.files.directory("repo");
    writeFileSync(join(directory, ".kioku-mesh.yaml"), "tags: x");
    expect((await w.kioku(["save", "x"], { directory })).err).toStartWith(
      `error: 'tags' in ${directory}/.kioku-mesh.yaml is no list of texts\n`,
    );
    expect((await w.kioku(["search"], { directory })).exitCode).toBe(0);
    writeFileSync(join(directory, ".kioku-mesh.yaml"), "project: app\ntags: [t]\n");
    const { out } = await w.kioku(["save", "labelled", "--json"], { directory });
    const { observation } = JSON.parse((await w.kioku(["get-memory", JSON.parse(out).observation_id, "--json"])).out);
    expect([observation.project, observation.tags]).toEqual(["app", ["t"]]);
    await w.save("elsewhere");
    expect(JSON.parse((await w.kioku(["search", "--json"], { directory })).out).count).toBe(2);
  });
});
