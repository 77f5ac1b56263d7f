/** The operations as data: what no single example would show. */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { cliFields, type CliField } from "../../src/cli/fields.ts";
import { operationHelp } from "../../src/cli/help.ts";
import { catalogue, loadOperations } from "../../src/ops/index.ts";
import { surfaces } from "../../src/ops/operation.ts";

const operations = await loadOperations();

interface Property {
  type?: string;
  enum?: string[];
  items?: { enum?: string[] };
  description: string;
  default?: unknown;
}

const types: { [jsonType: string]: CliField["type"] } = {
  string: "string",
  boolean: "boolean",
  integer: "number",
  number: "number",
  array: "list",
};

const reserved = ["json", "help", "rebuild"];

test("commands and tools are named well, each once", () => {
  const commands = operations.map(({ command }) => command);
  const tools = operations.flatMap(({ tool }) => tool?.name ?? []);
  for (const command of commands) expect(command).toMatch(/^[a-z]+(-[a-z]+)*( [a-z]+(-[a-z]+)*)?$/);
  for (const tool of tools) expect(tool).toMatch(/^[a-z]+(_[a-z]+)*$/);
  expect(new Set(commands).size).toBe(commands.length);
  expect(new Set(tools).size).toBe(tools.length);
});

test("the catalogue knows each operation by its own command", () => {
  expect(Object.keys(catalogue)).toEqual(operations.map(({ command }) => command));
});

test("no command is the first word of another", () => {
  const commands = operations.map(({ command }) => command);
  for (const command of commands) expect(commands.filter((other) => other.startsWith(`${command} `))).toEqual([]);
});

for (const op of operations) {
  describe(op.command, () => {
    const fields = cliFields(op);

    test("is one sentence, with examples that are its own", () => {
      expect(op.summary).toMatch(/^[A-Z].*\.$/);
      expect(op.examples.length).toBeGreaterThan(0);
      for (const example of op.examples) expect(example).toContain(op.command);
    });

    test("describes every input in sentences, without a newline", () => {
      for (const [key, property] of Object.entries(z.toJSONSchema(op.input, { io: "input" }).properties ?? {})) {
        expect([key, (property as { description?: string }).description]).toEqual([
          key,
          expect.stringMatching(/^[^\n]+\.$/),
        ]);
      }
    });

    test("refuses inputs it does not have", () => {
      expect(z.toJSONSchema(op.input, { io: "input" }).additionalProperties).toBe(false);
    });

    test("names flags well, each once, and none that every command has", () => {
      const names = fields.map(({ name }) => name);
      for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      for (const name of names) expect(name).not.toMatch(/^no-/);
      expect(names.filter((name) => reserved.includes(name))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
    });

    test("gives no short flag twice, and none to a word without a flag", () => {
      const shorts = fields.flatMap(({ short }) => short ?? []);
      for (const short of shorts) expect(short).toMatch(/^[a-z]$/);
      expect([...new Set(shorts), "h"]).toEqual([...shorts, "h"]);
      expect(shorts).not.toContain("h");
      expect(fields.filter(({ positional, short }) => positional && short)).toEqual([]);
    });

    test("takes optional words only behind the required ones", () => {
      const places = fields.filter(({ positional }) => positional).map(({ required }) => required);
      expect(places).toEqual(places.toSorted((a, b) => Number(b) - Number(a)));
    });

    test("requires no flag: what is needed is a word", () => {
      expect(fields.filter(({ required, positional }) => required && !positional)).toEqual([]);
    });

    test("reads of each field what its JSON Schema says, as agents see it", () => {
      const { properties = {}, required = [] } = z.toJSONSchema(op.input, { io: "input" });
      for (const field of fields) {
        const { enum: values, items, description, default: fallback, type } = properties[field.key] as Property;
        const choices = (values ?? items?.enum)?.filter(Boolean);
        expect(field).toMatchObject({ choices, description, fallback, required: required.includes(field.key) });
        expect(field.type).toBe(types[type ?? "string"]!);
        if (choices && typeof fallback === "string") expect(choices).toContain(fallback);
      }
    });

    test("keeps no surface setting for a field that it does not have", () => {
      for (const [key, field] of Object.entries(op.input.shape)) {
        const { cli, mcp } = surfaces.get(field as z.ZodType) ?? {};
        if (!op.tool) expect([key, mcp]).toEqual([key, undefined]);
        expect([key, cli === false && mcp === false]).toEqual([key, false]);
      }
    });

    test("has a help page that fits a terminal of 80 columns, apart from its examples", () => {
      const [page = ""] = operationHelp(op).split("\nExamples\n");
      for (const line of page.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
      for (const { name, positional } of fields) expect(page).toContain(positional ? name.toUpperCase() : name);
    });
  });
}
