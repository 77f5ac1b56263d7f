import { describe, expect, test } from "bun:test";
import type { ServerEntry } from "../../../src/core/agent.ts";
import { withEntry, withoutEntry, withRepair } from "../../../src/host/agents/json-edit.ts";

const path = ["mcpServers", "mesh_mem"];
const entry: ServerEntry = { command: "/bin/k", args: [], env: { A: "b" } };
const compact = '{"type":"stdio","command":"/bin/k","args":[],"env":{"A":"b"}}';

/** An entry on several lines, as far in as it stands. */
const lines = (unit: string) =>
  JSON.stringify({ type: "stdio", ...entry }, null, unit).replaceAll("\n", `\n${unit.repeat(2)}`);

describe("a new entry", () => {
  const cases: [where: string, before: string, after: string][] = [
    ["no text", "", `{\n  "mcpServers": {\n    "mesh_mem": ${lines("  ")}\n  }\n}\n`],
    ["an empty object", "{}", `{\n  "mcpServers": {\n    "mesh_mem": ${lines("  ")}\n  }\n}`],
    [
      "an object without servers, whose numbers and order stay",
      '{\n    "z": 12345678901234567890,\n    "1": "\\u00e9"\n}\n',
      `{\n    "z": 12345678901234567890,\n    "1": "\\u00e9",\n    "mcpServers": {\n        "mesh_mem": ${lines("    ")}\n    }\n}\n`,
    ],
    [
      "others, indented by tabs",
      '{\n\t"mcpServers": {\n\t\t"a": { "command": "x" }\n\t}\n}',
      `{\n\t"mcpServers": {\n\t\t"a": { "command": "x" },\n\t\t"mesh_mem": ${lines("\t")}\n\t}\n}`,
    ],
    [
      "others, all on one line",
      '{"mcpServers":{"a":{}},"b":1}',
      `{"mcpServers":{"a":{}, "mesh_mem": ${compact}},"b":1}`,
    ],
    [
      "the place of an older one",
      '{\n  "mcpServers": {\n    "mesh_mem": {"command":"x"},\n    "a": 1\n  }\n}',
      `{\n  "mcpServers": {\n    "mesh_mem": ${lines("  ")},\n    "a": 1\n  }\n}`,
    ],
  ];
  for (const [where, before, after] of cases) {
    test(`goes into ${where}`, () => {
      expect(withEntry(before, path, entry)).toBe(after);
      expect(JSON.parse(after)).toMatchObject({ mcpServers: { mesh_mem: entry } });
    });
    test(`goes into ${where}, with the line breaks of Windows`, () => {
      const crlf = (text: string) => text.replaceAll("\n", "\r\n");
      const wanted = before === "" ? after : crlf(before).includes("\r") ? crlf(after) : after;
      expect(withEntry(crlf(before), path, entry)).toBe(wanted);
    });
  }
  test("is refused where the list is no object", () => {
    expect(() => withEntry('{"mcpServers":[]}', path, entry)).toThrow("mcpServers is no object");
    expect(() => withEntry("[]", path, entry)).toThrow("no JSON object");
  });
});

test("an entry is removed with its comma, first, last, between others or alone", () => {
  for (const others of [["a"], ["a", "b"]]) {
    for (let place = 0; place <= others.length; place++) {
      const names = others.toSpliced(place, 0, "mesh_mem");
      const text = (shown: string[]) =>
        `{\n  "mcpServers": {${shown.map((n) => `\n    "${n}": {}`).join(",")}\n  }\n}\n`;
      expect(withoutEntry(text(names), path)).toBe(text(others));
    }
  }
  expect(withoutEntry('{"x":1, "mcpServers": { "mesh_mem": {} }}', path)).toBe('{"x":1, "mcpServers": {}}');
  expect(withoutEntry('{"mcpServers": {"a": 1}}', path)).toBe('{"mcpServers": {"a": 1}}');
});

test("a repair touches only what changes", () => {
  const repair = {
    command: "/new",
    args: ["mcp", "serve"],
    renamed: [["MESH_MEM_A", "KIOKU_MESH_A"] as const],
    dropped: ["MESH_MEM_B"],
  };
  const before =
    '{"mcpServers": {"mesh_mem": {"command" : "/old", "env":{"MESH_MEM_A" :"1","MESH_MEM_B":"2","Z":3} }}}';
  const after =
    '{"mcpServers": {"mesh_mem": {"command" : "/new", "env":{"KIOKU_MESH_A" :"1","Z":3}, "args": ["mcp","serve"] }}}';
  expect(withRepair(before, path, repair)).toBe(after);
});
