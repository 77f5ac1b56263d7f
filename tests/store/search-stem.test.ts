import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { stem } from "../../src/store/search-stem.ts";

test.each([
  ["caresses", "caress"],
  ["ponies", "poni"],
  ["cats", "cat"],
  ["agreed", "agre"],
  ["plastered", "plaster"],
  ["sing", "sing"],
  ["conflated", "conflat"],
  ["hopping", "hop"],
  ["falling", "fall"],
  ["filing", "file"],
  ["happy", "happi"],
  ["relational", "relat"],
  ["vietnamization", "vietnam"],
  ["triplicate", "triplic"],
  ["hopefulness", "hope"],
  ["adjustment", "adjust"],
  ["adoption", "adopt"],
  ["controlling", "control"],
])("the stem of %p is %p, as in the paper", (word, expected) => {
  expect(stem(word)).toBe(expected);
});

test.each(["ab", "e11000", "café", "データ", "x".repeat(64)])("%p is its own stem", (word) => {
  expect(stem(word)).toBe(word);
});

test("stems every word of the recall corpus as SQLite's porter tokenizer does", async () => {
  const text = await Bun.file(join(import.meta.dir, "../recall/memories.jsonl")).text();
  const words = [...new Set(text.toLowerCase().match(/\b[a-z]{4,}\b/g))];
  const db = new Database(":memory:");
  db.run("create virtual table text using fts5 (word, tokenize = 'porter ascii')");
  db.run("create virtual table stem using fts5vocab (text, instance)");
  const insert = db.query("insert into text (rowid, word) values (?, ?)");
  db.transaction(() => words.forEach((word, i) => insert.run(i, word)))();
  const stems = db.query<{ term: string; doc: number }, []>("select term, doc from stem").all();
  expect(stems.length).toBeGreaterThan(2000);
  for (const { term, doc } of stems) expect([words[doc]!, stem(words[doc]!)]).toEqual([words[doc]!, term]);
});
