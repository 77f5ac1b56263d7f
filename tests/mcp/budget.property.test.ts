import { expect, test } from "bun:test";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { memoryTypes, type Observation } from "../../src/core/observation.ts";
import { seeded } from "../random.ts";
import { idOf, observation } from "../store/records.ts";
import { agentOf, contextWith, here, textOf } from "./world.ts";

type Chance = ReturnType<typeof seeded>;

const alphabet = [
  "a",
  "word ",
  "\n",
  '"',
  "\\",
  "日本",
  "é",
  "😀",
  "👩‍👩‍👧",
  "\u0001",
  "`",
  "```",
  "---\n",
  "\ud800",
  "x".repeat(50),
];

/** Text of any characters: mostly short, now and then longer than every budget. */
function anyText({ below, pick }: Chance): string {
  const length = pick([0, 1, 3, 10, 10, 30, 600]);
  return Array.from({ length: below(length + 1) }, () => pick(alphabet)).join("");
}

function anyObservation(chance: Chance): Partial<Observation> {
  const { below, pick } = chance;
  const texts = () => Array.from({ length: below(pick([1, 3, 3, 3, 30])) }, () => anyText(chance));
  return {
    content: `${anyText(chance)}.`,
    project: pick(["", "p", "q", anyText(chance)]),
    client_id: pick(["me@atlas", anyText(chance)]),
    pc_id: pick([here, here, "", idOf("elsewhere")]),
    memory_type: pick(memoryTypes),
    importance: 1 + below(5),
    subject: anyText(chance),
    summary: pick(["", anyText(chance)]),
    tags: texts(),
    source_files: texts(),
    references: pick([[], texts()]),
    created_at: `2026-05-${String(1 + below(28)).padStart(2, "0")}T00:00:00Z`,
  };
}

function memoryOf(chance: Chance, size: number) {
  const ctx = contextWith();
  ctx.store().append(Array.from({ length: size }, (_, i) => observation(idOf(`m${i}`), anyObservation(chance))));
  return ctx;
}

const bytesOf = (result: CallToolResult) => Buffer.byteLength(JSON.stringify(result));
const nextOf = (result: CallToolResult) => result.structuredContent?.next_offset as number | undefined;
const idsIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, id]) => id!);

/** Budgets from the least to more than everything. */
const anyBudget = ({ below, pick }: Chance) => pick([2_000, 2_000 + below(3_000), 20_000, 20_000, 200_000]);

test.each([
  ["search_memory", /<id=([0-9a-f]{32})>/g],
  ["recall_context", /^id: ([0-9a-f]{32})$/gm],
] as const)("%s stays within its budget, and its pages bring every entry once", async (tool, pattern) => {
  for (let seed = 1; seed <= 15; seed++) {
    const chance = seeded(seed);
    const size = 1 + chance.below(20);
    const { call } = await agentOf(memoryOf(chance, size));
    const seen: string[] = [];
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const budget = anyBudget(chance);
      const result = await call(tool, { limit: 100, offset, budget_bytes: budget });
      const text = textOf(result);
      expect(bytesOf(result)).toBeLessThanOrEqual(budget);
      const ids = idsIn(text, pattern);
      expect(ids.length).toBeGreaterThan(0);
      seen.push(...ids);
      const next = nextOf(result);
      expect(next).toBe(next === undefined ? undefined : offset + ids.length);
      if (next !== undefined) expect(text).toEndWith(`for the rest call again with offset=${next}]`);
      offset = next;
    }
    expect(seen.toSorted()).toEqual(Array.from({ length: size }, (_, i) => idOf(`m${i}`)).toSorted());
  }
});

test("get_memory stays within its budget, and its pages make up the whole text", async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const chance = seeded(seed);
    const content = Array.from({ length: 1 + chance.below(8) }, () => anyText(chance)).join("") + "end";
    const ctx = contextWith();
    ctx.store().append([observation(idOf("m"), { ...anyObservation(chance), content })]);
    const { call } = await agentOf(ctx);
    let whole = "";
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const budget = anyBudget(chance);
      const result = await call("get_memory", { observation_id: idOf("m"), offset, budget_bytes: budget });
      expect(bytesOf(result)).toBeLessThanOrEqual(budget);
      const next = nextOf(result);
      const page = textOf(result).replace(
        offset === 0 ? "" : `[id: ${idOf("m")}, continued from character ${offset}]\n`,
        "",
      );
      const notice = `; for the rest call again with offset=${next}]`;
      if (next !== undefined) expect(page).toEndWith(notice);
      const part = next === undefined ? page : page.slice(0, page.lastIndexOf("\n[truncated: characters "));
      expect(next ?? Infinity).toBeGreaterThan(offset);
      whole += part;
      offset = next;
    }
    expect(whole).toStartWith(`id: ${idOf("m")}\nmemory_type: `);
    expect(whole).toEndWith(`\n---\n${content.toWellFormed()}`);
  }
});

test("a page of get_memory never splits a character", async () => {
  const ctx = contextWith();
  const content = "😀".repeat(3_000);
  ctx.store().append([observation(idOf("m"), { content })]);
  const { call } = await agentOf(ctx);
  for (let extra = 0; extra < 40; extra++) {
    const result = await call("get_memory", { observation_id: idOf("m"), budget_bytes: 2_000 + extra });
    expect(textOf(result)).not.toContain("\ufffd");
  }
});

test("by default an answer takes 20,000 bytes at most, and a budget out of range is brought into it", async () => {
  const ctx = contextWith();
  const entries = Array.from({ length: 400 }, (_, i) => observation(idOf(`m${i}`), { content: "x".repeat(100) }));
  ctx.store().append([...entries, observation(idOf("long"), { content: "y".repeat(2_000_000) })]);
  const { call } = await agentOf(ctx);
  for (const [tool, args] of [
    ["search_memory", { limit: 10_000 }],
    ["recall_context", { limit: 100 }],
    ["get_memory", { observation_id: idOf("long") }],
  ] as const) {
    const size = bytesOf(await call(tool, args));
    expect(size).toBeLessThanOrEqual(20_000);
    expect(size).toBeGreaterThan(19_000);
    expect(bytesOf(await call(tool, { ...args, budget_bytes: 1 }))).toBeLessThanOrEqual(2_000);
    expect(bytesOf(await call(tool, { ...args, budget_bytes: "999999999" }))).toBeLessThanOrEqual(1_000_000);
  }
});

test("a first entry too long for the budget is shortened, and keeps its head and its id", async () => {
  const ctx = contextWith();
  ctx.store().append([observation(idOf("m"), { subject: "The subject", summary: "long ".repeat(10_000) })]);
  const { call, text } = await agentOf(ctx);
  const found = await text("search_memory", {});
  expect(found).toStartWith("[note][2] 2026-01-02T03:04:05 The subject\nlong long ");
  expect(found).toMatch(
    new RegExp(`… <id=${idOf("m")}>\n\\[truncated: .*the last one is shortened, get_memory shows it in full\\]$`),
  );
  expect(nextOf(await call("search_memory", {}))).toBeUndefined();
  const recalled = await text("recall_context", {});
  expect(recalled).toContain(`id: ${idOf("m")}\nstate: live`);
  expect(recalled).toContain("get_memory shows it in full");
});

test("the status of a mesh of many hosts with long names stays within its budget", async () => {
  const ctx = contextWith();
  const names = Array.from({ length: 200 }, (_, i) => `${i} ${"long name ".repeat(50)}`);
  ctx.store().append(names.map((agent_family, i) => observation(idOf(`m${i}`), { agent_family })));
  const { call } = await agentOf(ctx);
  const result = await call("get_memory_status");
  expect(bytesOf(result)).toBeLessThanOrEqual(20_000);
  expect(textOf(result)).toStartWith("last_save_at: ");
  expect(textOf(result)).toEndWith("bytes; a larger budget_bytes shows more]");
  expect(nextOf(result)).toBeUndefined();
});
