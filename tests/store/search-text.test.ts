import { expect, test } from "bun:test";
import { fieldTexts, fold, gramQuery, nameParts, trigramToken, wordsOf } from "../../src/store/search-text.ts";

test.each([
  ["Redis", "REDIS", "case"],
  ["ＲＥＤＩＳ　４２", "redis 42", "full width"],
  ["ｻｰﾊﾞｰ", "サーバー", "half-width katakana"],
  ["か\u3099く", "がく", "combining marks"],
  ["CAFÉ", "cafe\u0301", "composed and decomposed diacritics"],
  ["naïve", "naive", "diacritics at all"],
  ["Straße", "STRASSE", "sharp s"],
  ["ΟΔΟΣ", "οδος", "final sigma"],
  ["“it’s” – so", '"it\'s" - so', "typographic quotes and dashes"],
  ["two \n\t  words", "two words", "kinds of white space"],
  ["zero\u200bwidth", "zerowidth", "characters without width"],
  ["サーバー", "サーバ", "the long-vowel mark at the end of a long word"],
  ["Docker の設定", "Dockerの 設定", "spaces beside Japanese"],
  ["①", "1", "compatibility forms"],
])("%p and %p are the same text (%s)", (a, b) => {
  expect(fold(a)).toBe(fold(b));
});

test.each([
  ["か", "が"],
  ["エラー", "エラ"],
  ["read only", "readonly"],
  ["a-b", "a b"],
])("%p and %p are different texts", (a, b) => {
  expect(fold(a)).not.toBe(fold(b));
});

const asked = (...trigrams: string[]) => trigrams.map((gram) => `"${trigramToken(gram)}"`);

test("a name is cut where its case changes", () => {
  expect(nameParts("call parseConfigFile, HTTPServer and Sha256Digest")).toEqual([
    ["parse", "config", "file"],
    ["http", "server"],
    ["sha256", "digest"],
  ]);
  expect(nameParts("ECONNREFUSED snake_case plain Word URLs APIs")).toEqual([]);
});

test("words are those of writings with spaces", () => {
  expect(wordsOf(fold("src/store/db.ts でのエラー E42, naïve слово"))).toEqual(
    ["src", "store", "db", "ts", "e42", "naive", "слово"],
  ); // prettier-ignore
});

test("a text satisfies what is asked of texts with any part of it", () => {
  expect(gramQuery(fold("parse"))).toEqual(asked("par", "ars", "rse"));
  expect(gramQuery("db")).toEqual([]);
  expect(gramQuery("db", { atAnyCost: true })).toEqual(['"db" *']);
  expect(gramQuery("::")).toEqual(['"::" *']);
  expect(gramQuery("接続する")).toEqual(['"接続"', '"続す"']);
  expect(gramQuery("する")).toEqual(['"する"']);
  expect(gramQuery("鍵")).toEqual(['"鍵"']);
  expect(gramQuery("の")).toEqual([]);
  expect(gramQuery("接続")).toEqual(['"接続"']);
  expect(gramQuery("%")).toEqual(['"%"']);
  expect(gramQuery('"')).toEqual(['""""']);
  expect(gramQuery("c")).toEqual([]);
});

test("of a long literal as many as are wanted are asked for, from all over it, each the rarest around", () => {
  expect(gramQuery("stationkeeping", { most: 5 })).toEqual(asked("sta", "tio", "onk", "kee", "ing"));
});

test("fields that are no text are empty, lists are joined", () => {
  expect(fieldTexts({ content: "x", subject: 7, tags: ["a", 1, "b"], project: null })).toEqual({
    content: "x",
    subject: "",
    summary: "",
    tags: "a, b",
    project: "",
    references: "",
    source_files: "",
  });
});
