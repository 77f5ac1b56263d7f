import { describe, expect, test } from "bun:test";
import { parseTOML } from "confbox/toml";
import type { Repair, ServerEntry } from "../../../src/core/agent.ts";
import { withEntry, withoutEntry, withRepair } from "../../../src/host/agents/toml-edit.ts";
import { seeded } from "../../random.ts";

const path = ["mcp_servers", "mesh_mem"];
const entry: ServerEntry = { command: "/bin/k", args: ["mcp", "serve"], env: { A: "b", "C D": 'quote " \\ \u007f' } };

const block = `# Added by \`kioku-mesh mcp install --client codex-cli\`. Re-run with --force to update.
[mcp_servers.mesh_mem]
command = "/bin/k"
args = ["mcp", "serve"]

[mcp_servers.mesh_mem.env]
A = "b"
"C D" = "quote \\" \\\\ \\u007f"
`;
const inline = String.raw`{ command = "/bin/k", args = ["mcp", "serve"], env = { A = "b", "C D" = "quote \" \\ \u007f" } }`;

/** Each way in which TOML lets an entry be written: the text, and what it is with another entry in its place. */
const ways: { [way: string]: [text: string, replaced: string, removed: string] } = {
  "a table": [
    '# mine\n\n[mcp_servers.mesh_mem]\ncommand = "x"\n# inside\nurl = "y" # z\n\n[other] # o\nk = 1\n',
    `# mine\n\n${block}\n[other] # o\nk = 1\n`,
    "# mine\n\n[other] # o\nk = 1\n",
  ],
  "a table and one of its own, with another between them": [
    '[mcp_servers.mesh_mem]\ncommand = "x"\n\n[other]\nk = 1\n\n[mcp_servers.mesh_mem.env]\nE = "1"\n',
    `${block}\n[other]\nk = 1\n`,
    "[other]\nk = 1\n",
  ],
  "a table of the Python original, overwritten twice": [
    `model = "m"\n\n${block.split("\n")[0]}\n${block.split("\n")[0]}\n[mcp_servers.mesh_mem]\ncommand = "x"\n`,
    `model = "m"\n\n${block}`,
    'model = "m"\n',
  ],
  "a table and one of its own, with a row of number signs and another table between them": [
    `[mcp_servers.mesh_mem]\ncommand = "x"\n${"#".repeat(80)}\n[other]\n[mcp_servers.mesh_mem.env]\nE = "1"\n`,
    `${block}${"#".repeat(80)}\n[other]\n`,
    `${"#".repeat(80)}\n[other]\n`,
  ],
  "a table with a quoted key": [
    '[mcp_servers."mesh_mem"]\ncommand = "x"\n[mcp_servers."mesh_mem".env]\nE = "1"\n[mcp_servers.mesh_mem2]\ncommand = "y"\n',
    `${block}[mcp_servers.mesh_mem2]\ncommand = "y"\n`,
    '[mcp_servers.mesh_mem2]\ncommand = "y"\n',
  ],
  "a table with a literal key and spaces": ["  [ mcp_servers . 'mesh_mem' ]  # here\n  command = 'x'\n", block, ""],
  "a table that ends the text without a line break": [
    'k = 1\n\n[mcp_servers.mesh_mem]\ncommand = "x"',
    `k = 1\n\n${block}`,
    "k = 1\n",
  ],
  "an inline table": [
    '[mcp_servers]\na = { command = "1" } # one\nmesh_mem = { command = "x", env = { E = "1" } } # two\nb = { command = "2" }\n',
    `[mcp_servers]\na = { command = "1" } # one\nmesh_mem = ${inline} # two\nb = { command = "2" }\n`,
    '[mcp_servers]\na = { command = "1" } # one\nb = { command = "2" }\n',
  ],
  "dotted keys": [
    '[mcp_servers]\n"mesh_mem".command = "x"\na.command = "1"\nmesh_mem.env.E = "1"\n',
    `[mcp_servers]\n"mesh_mem" = ${inline}\na.command = "1"\n`,
    '[mcp_servers]\na.command = "1"\n',
  ],
  "dotted keys from the root": [
    'mcp_servers.mesh_mem.command = "x"\nmcp_servers.mesh_mem.args = [\n  "a", # ]\n]\n[t]\nk = 1\n',
    `mcp_servers.mesh_mem = ${inline}\n[t]\nk = 1\n`,
    "[t]\nk = 1\n",
  ],
  "dotted keys and a table": [
    '[mcp_servers]\nmesh_mem.command = "x"\n[mcp_servers.mesh_mem.env]\nE = "1"\n[t]\nk = 1\n',
    `[mcp_servers]\nmesh_mem = ${inline}\n[t]\nk = 1\n`,
    "[mcp_servers]\n[t]\nk = 1\n",
  ],
  "a list that is an inline table": [
    'mcp_servers = { a = { command = "1" }, mesh_mem = { command = "x" }, b = { command = "2" } }\n',
    `mcp_servers = { a = { command = "1" }, mesh_mem = ${inline}, b = { command = "2" } }\n`,
    'mcp_servers = { a = { command = "1" }, b = { command = "2" } }\n',
  ],
  "a list that is an inline table, last in it, with dotted keys": [
    'mcp_servers = { a = { command = "1" }, mesh_mem.command = "x", mesh_mem.args = [] }\n',
    `mcp_servers = { a = { command = "1" }, mesh_mem = ${inline} }\n`,
    'mcp_servers = { a = { command = "1" } }\n',
  ],
  "a table below others that only look like it": [
    `note = """\n[mcp_servers.mesh_mem]\ncommand = "no"\n"""\nx = ['[mcp_servers.mesh_mem]', "#"]\n\n[mcp_servers.mesh_mem]\ncommand = 'x'\n`,
    `note = """\n[mcp_servers.mesh_mem]\ncommand = "no"\n"""\nx = ['[mcp_servers.mesh_mem]', "#"]\n\n${block}`,
    `note = """\n[mcp_servers.mesh_mem]\ncommand = "no"\n"""\nx = ['[mcp_servers.mesh_mem]', "#"]\n`,
  ],
};

for (const [way, [text, replaced, removed]] of Object.entries(ways)) {
  describe(`an entry that is ${way}`, () => {
    test("is replaced in its place", () => expect(withEntry(text, path, entry)).toBe(replaced));
    test("is removed", () => expect(withoutEntry(text, path)).toBe(removed));
    test("keeps the line breaks of Windows", () => {
      const crlf = (lines: string) => lines.replaceAll("\n", "\r\n");
      expect(withEntry(crlf(text), path, entry)).toBe(crlf(replaced));
      expect(withoutEntry(crlf(text), path)).toBe(crlf(removed));
    });
  });
}

describe("a new entry", () => {
  const places: [where: string, before: string, after: string][] = [
    ["a text of its own", "", block],
    ["the end, behind an empty line", "model = 'm'\n", `model = 'm'\n\n${block}`],
    ["the end, where the last line has no break", "[t]\nk = 1", `[t]\nk = 1\n\n${block}`],
    [
      "the end, where other servers are written with dots",
      'mcp_servers.a.command = "x"\n',
      `mcp_servers.a.command = "x"\n\n${block}`,
    ],
    [
      "the list, where that is an inline table",
      'mcp_servers = { a = { command = "x" } } # s\n',
      `mcp_servers = { a = { command = "x" }, mesh_mem = ${inline} } # s\n`,
    ],
    ["the list, where that is an empty inline table", "mcp_servers = {}\n", `mcp_servers = { mesh_mem = ${inline} }\n`],
  ];
  for (const [where, before, after] of places) {
    test(`goes into ${where}`, () => {
      expect(withEntry(before, path, entry)).toBe(after);
      expect(parseTOML<{ mcp_servers: object }>(after).mcp_servers).toMatchObject({ mesh_mem: entry });
    });
  }
  test("has no arguments and no variables where it needs none", () => {
    expect(withEntry("", path, { command: "k", args: [], env: {} })).toBe(
      `${block.split("\n")[0]}\n[mcp_servers.mesh_mem]\ncommand = "k"\n`,
    );
  });
});

describe("a repair", () => {
  const repair: Repair = {
    command: "/new",
    args: ["mcp", "serve"],
    renamed: [["MESH_MEM_A", "KIOKU_MESH_A"]],
    dropped: ["MESH_MEM_B"],
  };
  const cases: [way: string, before: string, after: string][] = [
    [
      "tables",
      `[mcp_servers.mesh_mem]\n  command = '/old' # here\nstartup_timeout_sec = 30\n\n[mcp_servers.mesh_mem.env]\n"MESH_MEM_A" = "1" # a\nMESH_MEM_B = "2"\nZ = "3"\n`,
      `[mcp_servers.mesh_mem]\n  command = "/new" # here\n  args = ["mcp", "serve"]\nstartup_timeout_sec = 30\n\n[mcp_servers.mesh_mem.env]\nKIOKU_MESH_A = "1" # a\nZ = "3"\n`,
    ],
    [
      "an inline table",
      `[mcp_servers]\nmesh_mem = { command = "/old", env = { MESH_MEM_A = "1", MESH_MEM_B = "2" }, enabled = true }\n`,
      `[mcp_servers]\nmesh_mem = { command = "/new", args = ["mcp", "serve"], env = { KIOKU_MESH_A = "1" }, enabled = true }\n`,
    ],
    [
      "dotted keys",
      `mcp_servers.mesh_mem.command = "/old"\nmcp_servers.mesh_mem.env.MESH_MEM_A = "1"\nmcp_servers.mesh_mem.env.MESH_MEM_B = "2"`,
      `mcp_servers.mesh_mem.command = "/new"\nmcp_servers.mesh_mem.args = ["mcp", "serve"]\nmcp_servers.mesh_mem.env.KIOKU_MESH_A = "1"\n`,
    ],
    [
      "a last line without a break",
      `[mcp_servers.mesh_mem.env]\nMESH_MEM_A = "1"\nMESH_MEM_B = "2"\n[mcp_servers.mesh_mem]\ncommand = "/old"`,
      `[mcp_servers.mesh_mem.env]\nKIOKU_MESH_A = "1"\n[mcp_servers.mesh_mem]\ncommand = "/new"\nargs = ["mcp", "serve"]`,
    ],
    [
      "arguments that are there",
      `[mcp_servers.mesh_mem]\nargs = [\n  "-m", # module\n  "mesh_mem.mcp_server",\n] # end\ncommand = "/old"\nenv = { MESH_MEM_A = "1", MESH_MEM_B = "2" }\n`,
      `[mcp_servers.mesh_mem]\nargs = ["mcp", "serve"] # end\ncommand = "/new"\nenv = { KIOKU_MESH_A = "1" }\n`,
    ],
  ];
  for (const [way, before, after] of cases) {
    test(`touches nothing else in ${way}`, () => expect(withRepair(before, path, repair)).toBe(after));
  }
});

test("whatever stands around it, an entry added is there, everything else is unchanged, and its removal undoes it", () => {
  const { pick, below } = seeded(11);
  const parts = [
    'model = "x"',
    "# [mcp_servers.mesh_mem]",
    "",
    "  ",
    "[profiles.a]",
    "k.\"l.m\".'n' = 1979-05-27 07:32:00 # date",
    '[projects."/home/me/[x]"]\ntrust_level = "trusted"',
    '[[rules]]\npattern = """\n[mcp_servers.mesh_mem]\n"""',
    "text = '''it's ''quoted'' '''",
    'list = [ { a = "}" }, [1, 2], # ]\n  "x" ]',
    'mcp_servers.dotted.command = "d"',
    '[mcp_servers.table]\ncommand = "t"\n[mcp_servers.table.env]\n"A=B" = "c"',
    "[mcp_servers]",
  ];
  let tried = 0;
  for (let round = 0; round < 3000; round++) {
    const eol = pick(["\n", "\r\n"]);
    const lines = Array.from({ length: below(7) }, () => pick(parts)).join("\n");
    const before = (lines + pick(["", "\n", "\n\n"])).replaceAll("\n", eol);
    if (!isToml(before)) continue;
    tried++;
    const { mcp_servers: others, ...rest } = parseTOML<{ mcp_servers?: object }>(before);
    const added = withEntry(before, path, entry);
    expect(added.startsWith(before)).toBe(true);
    expect(parseTOML<object>(added)).toEqual({ ...rest, mcp_servers: { ...others, mesh_mem: entry } });
    const removed = withoutEntry(added, path);
    expect(removed.trimEnd()).toBe(before.trimEnd());
    expect(withEntry(added, path, entry)).toBe(added);
  }
  expect(tried).toBeGreaterThan(500);
});

function isToml(text: string): boolean {
  try {
    parseTOML(text);
    return true;
  } catch {
    return false;
  }
}
