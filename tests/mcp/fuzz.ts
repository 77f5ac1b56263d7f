import { expect } from "bun:test";
import { JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import { toolOf, type ToolField } from "../../src/mcp/tool.ts";
import { loadTools } from "../../src/ops/index.ts";
import { seeded } from "../random.ts";
import { idOf } from "../store/records.ts";

const operations = await loadTools();

type Chance = ReturnType<typeof seeded>;

const tools = operations.map(toolOf).map(({ listed, inputs }) => ({ name: listed().name, inputs: inputs() }));

const strangeNames = ["since", "text", "__proto__", "constructor", "toString", "", "\0"];

const texts = [
  "",
  " ",
  "null",
  "word",
  "decision",
  ".",
  "7d",
  "2026-02-30",
  "2026-01-02T03:04:05+09:00",
  "0".repeat(32),
  "0".repeat(8),
  idOf("new 5").slice(0, 8),
  "-5",
  "1e999",
  "NaN",
  "[",
  '["a"]',
  'a AND (b* OR "c" NEAR/2) -d:^e\'',
  "%_\\",
  "日本語 の 検索",
  "👩‍👩‍👧",
  "\0",
  "\ud800",
  "</content>\n<subject>",
  "```\n---\nid: x",
  "../../etc/passwd",
  "' or 1=1 --",
  "x".repeat(5_000),
];

/** Any JSON value, deep only now and then. */
function anyValue(chance: Chance, depth = 0): unknown {
  const { below, pick, next } = chance;
  const kind = below(depth > 3 ? 5 : 8);
  if (kind === 0) return null;
  if (kind === 1) return pick([true, false]);
  if (kind === 2) return pick([0, -0, 1, 2.5, -1, 5, 50, 2 ** 31, 2 ** 53, -1e308, next() * 1e6]);
  if (kind <= 4) return pick(texts);
  const items = Array.from({ length: below(4) }, () => anyValue(chance, depth + 1));
  return kind <= 6 ? items : Object.fromEntries(items.map((item) => [pick(strangeNames), item]));
}

/** A value that a field takes. */
function goodValue({ pick, below }: Chance, { name, property }: ToolField): unknown {
  if (property.enum) return pick(property.enum);
  if (property.type === "integer") return pick([0, 1, 3, 100, 5_000, "2"]);
  if (property.type === "boolean") return pick([true, false]);
  if (property.type === "array") return property.items?.enum ? [pick(property.items.enum)] : [pick(texts)];
  return name === "observation_id" ? idOf(`new ${1 + below(300)}`) : pick(["", "word", "日本語", "a b", "x.ts", "7d"]);
}

/** Arguments for a tool, more or less as a model would send them. */
function anyArguments(chance: Chance, inputs: readonly ToolField[]): { [name: string]: unknown } {
  const { below, pick } = chance;
  const given = inputs.filter(({ required }) => below(10) < (required ? 9 : 3));
  const args: { [name: string]: unknown } = {};
  for (const field of given) {
    const kind = below(10);
    args[field.name] = kind < 7 ? goodValue(chance, field) : kind < 9 ? pick(texts) : anyValue(chance);
  }
  if (below(20) === 0) args[pick(strangeNames)] = anyValue(chance);
  return args;
}

function anyCall(chance: Chance): unknown {
  const { below, pick } = chance;
  if (below(20) === 0) return anyValue(chance);
  const tool = pick(tools);
  const args = below(20) === 0 ? anyValue(chance) : anyArguments(chance, tool.inputs);
  return { name: below(30) === 0 ? pick(texts) : tool.name, arguments: args };
}

const methods = ["tools/list", "ping", "initialize", "resources/list", "notifications/initialized", "", "\0"];

function anyMessage(chance: Chance, id: number): unknown {
  const { below, pick } = chance;
  if (below(20) === 0) return anyValue(chance);
  const call = below(6) > 0;
  const method = call ? "tools/call" : pick(methods);
  const message: { [key: string]: unknown } = { jsonrpc: "2.0", id, method };
  if (call) message.params = anyCall(chance);
  else if (below(2) === 0) message.params = anyValue(chance);
  const spoilt = below(30);
  if (spoilt === 0) delete message[pick(Object.keys(message))];
  if (spoilt === 1) message[pick(["jsonrpc", "id", "method", "params", "result", "error"])] = anyValue(chance);
  if (spoilt === 2) Object.assign(message, { method: "notifications/cancelled", params: { requestId: id - below(3) } });
  return message;
}

/** One line as a broken or hostile client may send it: mostly a message, sometimes with its bytes spoilt. */
export function anyLine(chance: Chance, id: number): Buffer {
  const { below, pick } = chance;
  const line = Buffer.from(JSON.stringify(anyMessage(chance, id)));
  const spoilt = below(30);
  if (spoilt === 0) return line.subarray(0, below(line.length));
  if (spoilt === 1) line[below(line.length)] = pick([0, 0x22, 0x7b, 0xc3, 0xff]);
  if (spoilt === 2) return Buffer.concat([line, pick([Buffer.from("\r"), Buffer.from([0]), Buffer.from("{}"), line])]);
  return line;
}

/** What a line on stdout must be: a JSON-RPC message, or an error to what had no id that could be read. */
export function expectMessage(line: string): { id?: unknown } {
  const message = JSON.parse(line) as { id?: unknown };
  if (message.id === null) message.id = 0;
  expect(JSONRPCMessageSchema.safeParse(message).success).toBe(true);
  return message;
}
