import { describe, expect, test } from "bun:test";
import { parseQuery } from "../../src/store/search-query.ts";

const words = (query: string) => parseQuery(query).words.map(({ text }) => text);
const terms = (query: string) => parseQuery(query).terms.map(({ text, weight }) => (weight === 1 ? text : `(${text})`));

describe("a query is short", () => {
  test.each([
    ["redis", true],
    ["redis pool timeout", true],
    ["why redis pool timeout", false],
    ["データベースの接続エラーはどう直したのか", true],
    ["接続 エラー 原因 対策", false],
    ['"no such column: archived_at" migration', true],
  ])("%p: %p", (query, expected) => {
    expect(parseQuery(query).short).toBe(expected);
  });
});

describe("its words", () => {
  test.each([
    ["Redis timeout?", ["redis", "timeout"]],
    ["the cache", ["cache"]],
    ["to be", ["to", "be"]], // nothing else is there
    ["redis AND NOT pool", ["redis", "pool"]],
    ["foo OR (bar)", ["foo", "bar"]],
    ['"connection pool" timeout', ["connection pool", "timeout"]],
    ["「前項の規定」", ["前項の規定"]],
    ['say "hello', ["say", "hello"]],
    ['"t": NaN', ["t", "nan"]],
    ["100% _x a*b -v", ["100%", "_x", "a*b", "-v"]],
    ["redis Redis REDIS", ["redis"]],
    ["エラー。", ["エラー"]],
    ['"in quotes", and "more".', ["in quotes", "more"]],
    ["what ?", ["what", "?"]], // nothing else is there
    ["   ", []],
  ])("of %p are %p", (query, expected) => {
    expect(words(query)).toEqual(expected);
  });
});

describe("the terms of an any-match", () => {
  test.each([
    ["how do we deploy the shop", ["deploy", "shop"]],
    ["why is parseConfig slow", ["parseconfig", "(parse)", "(config)", "slow"]],
    ["see src/lib/money.ts", ["see", "src/lib/money.ts", "(src)", "(lib)", "(money)", "(ts)"]],
    ["Dockerの設定を変えた", ["docker", "設定", "変"]],
    ["データベース接続設定", ["データベース", "接続設定", "(接続)", "(続設)", "(設定)"]],
    ["こちらから", ["こちらから", "(こちら)", "(ちらか)", "(らから)"]], // nothing but hiragana
    ["x -> b && c", ["x", "b", "c"]],
  ])("of %p are %p", (query, expected) => {
    expect(terms(query)).toEqual(expected);
  });

  test("a phrase counts more than a word, and has no forms", () => {
    const [, phrase] = parseQuery('who said "retries need jitter" and when').terms;
    expect(phrase).toMatchObject({ text: "retries need jitter", phrase: true, stems: [], weight: 2 });
  });
});

test("the letter of C++ is no word by itself", () => {
  expect(parseQuery("C++").words[0]).toMatchObject({ text: "c++", stems: [] });
});

test("work is bounded, whatever is pasted", () => {
  for (const query of ["x".repeat(1 << 20), "word ".repeat(10_000), "漢".repeat(100_000), '"'.repeat(100_000)]) {
    const { text, words, terms } = parseQuery(query);
    expect(text.length).toBeLessThanOrEqual(4096);
    expect(words.length).toBeLessThanOrEqual(48);
    expect(terms.length).toBeLessThanOrEqual(48);
  }
  const many = Array.from({ length: 10_000 }, (_, i) => `w${i}`).join(" ");
  expect(parseQuery(many).terms).toHaveLength(48);
});
