import { expect, test } from "bun:test";
import { memoryTypes, readObservation, type Observation } from "../../src/core/observation.ts";
import { isId } from "../../src/core/record.ts";

interface Question {
  id: string;
  kind: string;
  query: string;
  relevant: string[];
  half: "tune" | "report";
}

const kinds = [
  "question",
  "question-ja",
  "two-words",
  "identifier",
  "identifier-part",
  "path",
  "error-code",
  "ja-short",
  "mixed",
  "phrase",
  "punctuation",
  "neighbour",
];

const memories = await lines<Observation>("memories.jsonl");
const questions = await lines<Question>("questions.jsonl");
const ids = new Set(memories.map((memory) => memory.observation_id));
const superseded = new Set(memories.flatMap((memory) => memory.supersedes));

test("there are enough memories and questions, and enough of each kind", () => {
  expect(memories.length).toBeGreaterThanOrEqual(600);
  expect(questions.length).toBeGreaterThanOrEqual(400);
  const counts = Map.groupBy(questions, (question) => question.kind);
  expect([...counts.keys()].sort()).toEqual([...kinds].sort());
  expect([...counts].filter(([, { length }]) => length < 20).map(([kind]) => kind)).toEqual([]);
});

test("every memory is an observation that reads back as it is written", () => {
  for (const memory of memories) {
    expect(isId(memory.observation_id)).toBe(true);
    expect(memoryTypes).toContain(memory.memory_type);
    expect(readObservation(JSON.stringify(memory), memory.observation_id)).toMatchObject({ ...memory });
    expect(memory.created_at).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/);
    expect(memory.content.length).toBeWithin(80, 1501);
  }
});

test("ids and contents are unique, times ascend and sessions hold two to eight memories of one project", () => {
  expect(ids.size).toBe(memories.length);
  expect(new Set(memories.map((memory) => memory.content)).size).toBe(memories.length);
  const times = memories.map((memory) => memory.created_at);
  expect(times).toEqual([...times].sort());
  for (const session of Map.groupBy(memories, (memory) => memory.session_id).values()) {
    expect(session.length).toBeWithin(2, 9);
    expect(new Set(session.map((memory) => memory.project)).size).toBe(1);
  }
});

test("between 35 and 45 in a hundred of the memories are Japanese or mixed", () => {
  const japanese = memories.filter((memory) =>
    /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(memory.content),
  );
  expect(japanese.length / memories.length).toBeWithin(0.35, 0.45);
});

test("what supersedes and what is relevant exists, and nothing superseded is relevant", () => {
  for (const id of superseded) expect(ids).toContain(id);
  for (const question of questions) {
    expect(question.relevant).not.toBeEmpty();
    expect(new Set(question.relevant).size).toBe(question.relevant.length);
    expect(question.relevant.filter((id) => !ids.has(id) || superseded.has(id))).toEqual([]);
  }
});

test("questions are unique and their halves follow from their ids", () => {
  expect(new Set(questions.map((question) => question.id)).size).toBe(questions.length);
  expect(new Set(questions.map((question) => question.query)).size).toBe(questions.length);
  for (const { id, half } of questions) {
    const odd = new Bun.CryptoHasher("sha256").update(id).digest()[0]! % 2 === 1;
    expect(half).toBe(odd ? "report" : "tune");
  }
});

async function lines<T>(name: string): Promise<T[]> {
  const text = await Bun.file(new URL(name, import.meta.url)).text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}
