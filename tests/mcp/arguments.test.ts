import { expect, test } from "bun:test";
import { UserError } from "../../src/core/errors.ts";
import { rawInput } from "../../src/mcp/arguments.ts";
import { toolOf } from "../../src/mcp/tool.ts";
import { loadTools } from "../../src/ops/index.ts";

const operations = await loadTools();

const tools = operations.map(toolOf);

function read(tool: string, args: { [name: string]: unknown }) {
  return rawInput(tools.find(({ op }) => op.tool!.name === tool)!.inputs(), args);
}

/** What a model sends for one argument of save_observation, and what is understood. */
const loose: [name: string, sent: unknown, understood: unknown][] = [
  ["importance", "4", 4],
  ["importance", " 4 ", 4],
  ["importance", "4.0", 4],
  ["importance", 4.7, 4],
  ["importance", 9, 5],
  ["importance", "9", 5],
  ["importance", -3, 1],
  ["importance", Number.POSITIVE_INFINITY, 5],
  ["importance", "", undefined],
  ["importance", null, undefined],
  ["importance", "high", "high"],
  ["importance", true, true],
  ["tags", "auth", ["auth"]],
  ["tags", "auth, jwt", ["auth", "jwt"]],
  ["tags", '["auth", "jwt"]', ["auth", "jwt"]],
  ["tags", "[WIP] auth", ["[WIP] auth"]],
  ["tags", "", []],
  ["tags", "[]", []],
  ["tags", [" auth ", "", null, 7, "jwt"], ["auth", "7", "jwt"]],
  ["tags", 7, ["7"]],
  ["tags", null, undefined],
  ["tags", { a: 1 }, { a: 1 }],
  ["tags", [{ a: 1 }], [{ a: 1 }]],
  ["content", 404, "404"],
  ["content", false, "false"],
  ["content", "null", "null"],
  ["content", ["a"], ["a"]],
  ["memory_type", "Decision ", "decision"],
  ["memory_type", "", undefined],
  ["memory_type", "fact", "fact"],
  ["visibility", "", ""],
  ["ttl", 3600, "3600"],
];

test.each(loose)("%s: %j is understood as %j", (name, sent, understood) => {
  expect(read("save_observation", { content: "x", [name]: sent })[name]).toEqual(understood);
});

test("truth values come as texts and numbers too", () => {
  const asked = (sent: unknown) => read("search_memory", { include_superseded: sent }).include_superseded;
  expect(["true", "True", 1, "1", true].map(asked)).toEqual([true, true, true, true, true]);
  expect(["false", "FALSE", 0, "0", false].map(asked)).toEqual([false, false, false, false, false]);
  expect([null, ""].map(asked)).toEqual([undefined, undefined]);
});

test("arguments take the names of tools to the fields of operations", () => {
  expect(read("search_memory", { since_iso: "7d" })).toEqual({ since: "7d" });
});

test("an unknown argument is refused by its name, with the nearest one and all there are", () => {
  const refused = (tool: string, args: object) => {
    try {
      read(tool, { ...args });
    } catch (error) {
      return error instanceof UserError ? [error.message, error.hint] : error;
    }
  };
  expect(refused("search_memory", { since: "7d" })).toEqual([
    "unknown argument 'since'",
    expect.stringMatching(/^did you mean 'since_iso'\? this tool takes: query, agent_family, /),
  ]);
  expect(refused("delete_memory", { project: "demo", observation_id: "0" })).toEqual([
    "unknown argument 'project'",
    "this tool takes: observation_id, reason",
  ]);
  expect(refused("search_memory", { ["x".repeat(1_000_000)]: 1 })).toEqual([
    `unknown argument '${"x".repeat(60)}'`,
    expect.any(String),
  ]);
  expect(refused("save_observation", JSON.parse('{"content":"x","__proto__":{}}'))).toBeArray();
});

test("what a tool cannot do without is asked for by its name", () => {
  expect(() => read("delete_memory", { observation_id: null })).toThrow("observation_id is missing");
});
