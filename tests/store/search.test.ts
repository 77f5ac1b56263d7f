import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { payloadOf, type Observation } from "../../src/core/observation.ts";
import type { Filter } from "../../src/store/filter.ts";
import type { SearchOptions } from "../../src/store/search.ts";
import { recordOf, type Store } from "../../src/store/store.ts";
import { idOf, memoryStore, now, observation, tombstone } from "./records.ts";

type Fields = Partial<Observation>;

/** A memory of observations by name; a text alone is a content. */
function holding(observations: { [name: string]: string | Fields }) {
  const store = memoryStore();
  const names = new Map<string, string>();
  for (const [i, [name, fields]] of Object.entries(observations).entries()) {
    names.set(idOf(name), name);
    const place = {
      session_id: `session-${i}`,
      created_at: `2026-01-${String(i + 1).padStart(2, "0")}T00:00:00.000000Z`,
    };
    store.append([
      observation(idOf(name), { ...place, ...(typeof fields === "string" ? { content: fields } : fields) }),
    ]);
  }
  return {
    store,
    search(
      query: string,
      { filter = {}, limit = 50, ...options }: SearchOptions & { filter?: Filter; limit?: number } = {},
    ) {
      const { hits, fellBack } = store.search(query, filter, now, limit, options);
      return { names: hits.map(({ observation: { observation_id } }) => names.get(observation_id)!), hits, fellBack };
    },
  };
}

const developer = holding({
  config: "parseConfigFile reads ~/.config/app.toml before src/store/settings.ts is loaded",
  deadlock: "ERROR 40P01 deadlock detected: two transfers lock accounts in opposite order; E_LOCK_TIMEOUT follows",
  pool: { subject: "Redis pool", content: "Timeouts under load came from the connection pool of 10; it is 50 now." },
  caching: "We are caching responses at the edge for 60 seconds.",
  japanese: "データベースの接続エラーは、サーバーの鍵を更新して直した。",
  mixed: { subject: "Docker の設定", content: "docker compose の設定ファイルは deploy/ にある", tags: ["infra"] },
  code: "use std::string_view and a->b, never `foo(*bar)` && baz; 100% of it, LIKE 'a_b' AND NOT %x",
  quote: 'it said "no such table: archived_items" and stopped',
  files: { content: "listed elsewhere", source_files: ["crates/ingest/src/consumer.rs"], references: ["#4711"] },
  labels: { content: "labelled", project: "shopfront", tags: ["webhooks"], summary: "About billing cycles." },
});

describe.each([
  ["with the search tables", false],
  ["from the log itself", true],
])("%s", (_, withoutIndex) => {
  const names = (query: string) => developer.search(query, { withoutIndex }).names;

  test.each([
    ["a word", "deadlock", ["deadlock"]],
    ["a word in another form", "cached response", ["caching"]],
    ["part of an identifier", "parseConf", ["config"]],
    ["the end of an identifier", "ConfigFile", ["config"]],
    ["an identifier in another case", "PARSECONFIGFILE", ["config"]],
    ["a path", "src/store/settings.ts", ["config"]],
    ["part of a path", "store/set", ["config"]],
    ["a path among the source files", "ingest/src", ["files"]],
    ["an error code", "40P01", ["deadlock"]],
    ["an error's name", "E_LOCK_TIMEOUT", ["deadlock"]],
    ["a reference", "#4711", ["files"]],
    ["a tag", "webhooks", ["labels"]],
    ["a project", "shopfront", ["labels"]],
    ["a summary", "billing", ["labels"]],
    ["a Japanese word of one character", "鍵", ["japanese"]],
    ["a Japanese word of two characters", "接続", ["japanese"]],
    ["a Japanese word without its last mark", "サーバ", ["japanese"]],
    ["half-width katakana", "ｻｰﾊﾞｰ", ["japanese"]],
    ["full-width letters", "ＤＥＡＤＬＯＣＫ", ["deadlock"]],
    ["English and Japanese together", "Dockerの設定", ["mixed"]],
    ["English and Japanese apart", "docker 設定", ["mixed"]],
    ["a name in capitals before Japanese", "3Dの設定", ["mixed"]],
    ["a phrase in quotes", '"no such table: archived_items"', ["quote"]],
    ["a phrase in quotes beside a word", '"connection pool" timeouts', ["pool"]],
    ["two letters that begin words", "bi", ["labels"]],
    ["two letters inside of a word", "mp", ["mixed"]],
    ["two letters that no entry has", "gg", []],
    ["a letter as a word alone", "b", ["code"]],
    ["a colon twice", "std::string_view", ["code"]],
    ["a colon twice, alone", "::", ["code"]],
    ["the end of a word and another", "er compose", ["mixed"]],
    ["an arrow", "a->b", ["code"]],
    ["a star and parentheses", "foo(*bar)", ["code"]],
    ["a star alone", "*", ["code"]],
    ["ampersands", "&&", ["code"]],
    ["a percent sign", "100%", ["code"]],
    ["a percent sign alone", "%", ["code"]],
    ["an underscore", "a_b", ["code"]],
    ["a hyphen before a word", "-deadlock", ["deadlock"]],
    ["AND between words", "redis AND pool", ["pool"]],
    ["NOT before a word", "NOT %x", ["code"]],
    ["a column filter of FTS5", "content:deadlock", ["deadlock"]],
    ["a prefix query of FTS5", "dead*", ["deadlock"]],
    ["parentheses around words", "(deadlock)", ["deadlock"]],
    ["a quote that is not closed", '"deadlock', ["deadlock"]],
    ["what no entry has", "kubernetes", []],
    ["a key of the payload", "created_at", []],
    ["an identity", "atlas", []],
    ["a type", "note", []],
    ["nothing but spaces", "   ", []],
  ] as const)("%s: %p finds %p", (_, query, expected) => {
    expect(names(query)).toEqual([...expected]);
  });

  test("a short query finds where it stands as typed first, then where all its words are, and only these", () => {
    const { search } = holding({
      apart: "handling of every kind of error",
      typed: "there is error handling here",
      fragment: "xerror handlingx",
      one: "handling only",
      form: "errors handled",
    });
    const { names, fellBack } = search("error handling", { withoutIndex });
    expect(names.toSorted()).toEqual(["apart", "form", "fragment", "typed"]);
    expect(names.slice(0, 2).toSorted()).toEqual(["fragment", "typed"]);
    expect(names[0]).toBe("typed");
    expect(fellBack).toBe(false);
  });

  test("a name written together with Japanese is not found by its own parts", () => {
    const { search } = holding({ apart: "parse the config", whole: "parseConfigの設定を読む" });
    expect(search("parseConfigの設定", { withoutIndex }).names).toEqual(["whole"]);
  });

  test("a short query that no entry answers whole falls back to any word, and says so", () => {
    const { names, fellBack } = developer.search("deadlock kubernetes", { withoutIndex });
    expect({ names, fellBack }).toEqual({ names: ["deadlock"], fellBack: true });
    expect(developer.search("kubernetes", { withoutIndex }).fellBack).toBe(false);
  });

  test("a sentence finds what shares its telling words, whatever the others are", () => {
    expect(names("why did the two transfers lock each other out")[0]).toBe("deadlock");
    expect(names("データベースに接続できないエラーはどう直したか")[0]).toBe("japanese");
    expect(developer.search("why did the two transfers lock each other out", { withoutIndex }).fellBack).toBe(false);
  });

  test("a sentence that stands in an entry as typed finds that entry first", () => {
    const { search } = holding({
      words: { subject: "transfers lock accounts order", content: "opposite order of accounts, transfers and lock" },
      typed: "two transfers lock accounts in opposite order",
    });
    expect(search("transfers lock accounts in opposite order", { withoutIndex }).names).toEqual(["typed", "words"]);
  });

  test("the tail of a sentence's matches is cut where it is weak", () => {
    const { search } = holding({
      strong: { subject: "Webhook retries", content: "Webhook retries wait with exponential backoff and jitter" },
      ...Object.fromEntries(
        Array.from({ length: 20 }, (_, i) => [
          `weak${i}`,
          `number ${i} waits for its turn ${"in the long line ".repeat(9)}`,
        ]),
      ),
    });
    const query = "how long do webhook retries wait with backoff and jitter";
    expect(search(query, { withoutIndex }).names).toEqual(["strong"]);
    expect(search(query, { withoutIndex, mode: "or" }).names).toHaveLength(21);
  });

  test("modes choose what matches", () => {
    const { search } = holding({
      both: "alpha and beta",
      first: "alpha alone",
      second: "beta alone",
      none: "alphabet",
    });
    const found = (mode: SearchOptions["mode"], query = "alpha beta") => search(query, { mode, withoutIndex }).names;
    expect(found("and")).toEqual(["both"]);
    expect(found("or").toSorted()).toEqual(["both", "first", "second"]);
    expect(found("or")[0]).toBe("both");
    expect(found("and_or")[0]).toBe("both");
    expect(found("and_or").toSorted()).toEqual(["both", "first", "second"]);
    expect(found("auto")).toEqual(["both"]);
    expect(found("or", "alpha").toSorted()).toEqual(["both", "first", "none"]);
    expect(found("and", "alpha delta")).toEqual([]);
    expect(search("alpha delta", { mode: "and", withoutIndex }).fellBack).toBe(false);
    expect(found("and", "where is the alpha and where the beta")).toEqual(["both"]);
  });

  test("filters narrow, each by itself and together", () => {
    const { search } = holding({
      a: { content: "shared word", project: "one", memory_type: "bug", importance: 5, source_files: ["x.ts"] },
      b: { content: "shared word", project: "two", agent_family: "codex", client_id: "c", pc_id: "p", session_id: "s" },
      c: { content: "shared word", project: "two", created_at: "2026-03-01T12:00:00.000000Z", references: ["#1"] },
    });
    const found = (filter: Filter) => search("shared word", { filter, withoutIndex }).names.toSorted();
    expect(found({})).toEqual(["a", "b", "c"]);
    expect(found({ project: "two" })).toEqual(["b", "c"]);
    expect(found({ project: "TWO" })).toEqual([]);
    expect(found({ agent_family: "codex" })).toEqual(["b"]);
    expect(found({ client_id: "c" })).toEqual(["b"]);
    expect(found({ pc_id: "p" })).toEqual(["b"]);
    expect(found({ session_id: "s" })).toEqual(["b"]);
    expect(found({ memory_types: ["bug", "config"] })).toEqual(["a"]);
    expect(found({ memory_types: [] })).toEqual([]);
    expect(found({ importance: 5 })).toEqual(["a"]);
    expect(found({ source_files: ["x.ts"] })).toEqual(["a"]);
    expect(found({ references: ["#1"] })).toEqual(["c"]);
    expect(found({ since: "2026-03-01T12:00:00.000000Z" })).toEqual(["c"]);
    expect(found({ until: "2026-03-01T11:59:59.999999Z" })).toEqual(["a", "b"]);
    expect(found({ since: "2026-01-02T00:00:00.000000Z", until: "2026-02-01T00:00:00.000000Z" })).toEqual(["b"]);
    expect(found({ project: "two", since: "2026-02-01T00:00:00.000000Z" })).toEqual(["c"]);
  });

  test("what is superseded, expired or deleted is hidden; what was superseded can be asked for", () => {
    const { store, search } = holding({
      old: "the port is 80",
      current: { content: "the port is 81", supersedes: [idOf("old")] },
      expired: { content: "the port is 82", expires_at: now },
      deleted: "the port is 83",
    });
    store.append([tombstone(idOf("deleted"))]);
    expect(search("port", { withoutIndex }).names).toEqual(["current"]);
    const { hits } = search("port", { withoutIndex, filter: { include_superseded: true } });
    expect(hits.map(({ observation, state }) => [observation.content, state]).toSorted()).toEqual([
      ["the port is 80", "superseded"],
      ["the port is 81", "live"],
    ]);
  });

  test("sorted by time, the newest of all that match come first", () => {
    const entries = Array.from({ length: 300 }, (_, i): [string, Fields] => {
      // Learned of in another order than they were made.
      const created_at = new Date(Date.UTC(2026, 0, 1 + ((i * 7) % 300))).toISOString().replace("Z", "000Z");
      return [`n${(i * 7) % 300}`, { content: `word ${i}`, subject: i < 250 ? "word" : "", created_at }];
    });
    const { search } = holding(Object.fromEntries(entries));
    const newest = search("word", { withoutIndex, sort: "newest", limit: 5 }).names;
    expect(newest).toEqual(["n299", "n298", "n297", "n296", "n295"]);
  });

  test("as many come as are asked for", () => {
    const { search } = holding(Object.fromEntries(Array.from({ length: 450 }, (_, i) => [`n${i}`, `word ${i}`])));
    expect(search("word", { withoutIndex, limit: 3 }).names).toHaveLength(3);
    expect(search("word", { withoutIndex, limit: 10_000 }).names).toHaveLength(450);
    expect(search("word or other words", { withoutIndex, limit: 10_000, mode: "or" }).names).toHaveLength(450);
  });

  test.each([
    ["a megabyte without a space", "x".repeat(1 << 20)],
    ["ten thousand words", Array.from({ length: 10_000 }, (_, i) => `word${i}`).join(" ")],
    ["ten thousand times one word", "deadlock ".repeat(10_000)],
    ["a long name", "ab1".repeat(1300)],
    ["many fragments", Array.from({ length: 60 }, (_, i) => `f${i}x.y/z`).join(" ")],
    ["quotes", '"'.repeat(5000)],
    ["kanji", "漢字".repeat(2000)],
    ["control characters", "\u0001\u0002 dead\u0003lock \u007f"],
    ["half of a surrogate pair", "\ud800 deadlock \udc00"],
    ["private-use characters", "\ue000\ue001 \ue002deadlock \ue003 \ue004"],
  ])("%s do no harm", (_, query) => {
    for (const mode of ["auto", "and", "or", "and_or"] as const) {
      expect(() => developer.search(query, { mode, withoutIndex })).not.toThrow();
    }
  });
});

describe("what ranks higher", () => {
  const order = (
    observations: { [name: string]: string | Fields },
    query = "frobnicate",
    options: SearchOptions = {},
  ) => holding({ ...observations, filler: "something else" }).search(query, options).names;

  test("a hit in subject, summary or tags above one in the content", () => {
    const content = "somewhere we frobnicate";
    for (const head of [{ subject: "frobnicate" }, { summary: "frobnicate" }, { tags: ["frobnicate"] }]) {
      expect(order({ head: { content: "somewhere", ...head }, body: content })).toEqual(["head", "body"]);
    }
  });

  test("a word above a part of one", () => {
    expect(order({ word: "we frobnicate", part: "we unfrobnicated" })).toEqual(["word", "part"]);
  });

  test("a rare word above a common one", () => {
    const common = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`c${i}`, `table ${i}`]));
    expect(order({ ...common, rare: "gizmo" }, "which table has the gizmo in it")[0]).toBe("rare");
  });

  test("what is more important, what is newer, what is of the project one is in", () => {
    const same = { content: "we frobnicate", created_at: "2026-01-01T00:00:00.000000Z" };
    expect(order({ low: { ...same, importance: 1 }, high: { ...same, importance: 5 } })).toEqual(["high", "low"]);
    expect(order({ old: same, young: { ...same, created_at: "2026-05-30T00:00:00.000000Z" } })).toEqual([
      "young",
      "old",
    ]);
    const projects = { there: { ...same, project: "there" }, here: { ...same, project: "here" } };
    expect(order(projects, "frobnicate", { projectHere: "here" })).toEqual(["here", "there"]);
    expect(order(projects, "frobnicate", { projectHere: "there" })).toEqual(["there", "here"]);
  });

  test("what was found beside other hits in its session", () => {
    const at = (minute: string) => `2026-01-01T00:${minute}:00.000000Z`;
    expect(
      order(
        {
          alone: { content: "the result was positive", session_id: "s2", created_at: at("10") },
          beside: { content: "the result was positive", session_id: "s1", created_at: at("10") },
          topic: { content: "measuring the jitter of the gizmo", session_id: "s1", created_at: at("00") },
        },
        "what was the result of measuring the gizmo",
        { mode: "or" },
      ),
    ).toEqual(["topic", "beside", "alone"]);
  });

  test("the parts of a name that stand apart are found, below the name itself", () => {
    const names = order(
      { apart: "parses the config file", name: "parseConfigFile" },
      "where is parseConfigFile called from",
    );
    expect(names).toEqual(["name", "apart"]);
    expect(order({ apart: "the rate limit is 5" }, "rateLimit")).toEqual(["apart"]);
  });
});

test("an explanation says what made the score", () => {
  const [hit] = developer.search("redis timeouts").hits;
  const { score, text, importance, recency, project, neighbours, matched, terms } = hit!.explain();
  expect(score).toBeCloseTo(text * importance * recency * project + neighbours);
  expect(matched).toBe("all words");
  expect(terms.map(({ term, hits }) => [term, hits.map(({ field }) => field)])).toEqual([
    ["redis", ["subject"]],
    ["timeouts", ["content"]],
  ]);
});

test("the log itself gives the same entries as the search tables, for questions of the recall corpus", async () => {
  const store = await recallStore();
  const questions = await lines<{ query: string }>("questions.jsonl");
  const ids = (query: string, options: SearchOptions) =>
    store
      .search(query, {}, now, 10_000, options)
      .hits.map(({ observation: { observation_id } }) => observation_id)
      .toSorted();
  const some = questions.filter((_, i) => i % 5 === 0).map(({ query }) => query);
  const same = (query: string, mode: SearchOptions["mode"]) =>
    expect([query, mode, ids(query, { mode })]).toEqual([query, mode, ids(query, { mode, withoutIndex: true })]);
  for (const query of [...some, '"t": NaN']) for (const mode of ["and", "or"] as const) same(query, mode);
  for (const query of ["::", "//", "-x", "id", "C", "or not", "go build", "き、レ"]) same(query, "and");
}, 30_000);

async function recallStore(): Promise<Store> {
  const store = memoryStore();
  const memories = await lines<Observation>("memories.jsonl");
  store.append(memories.map((memory) => recordOf("observation", memory.observation_id, payloadOf(memory))));
  return store;
}

async function lines<T>(file: string): Promise<T[]> {
  const text = await Bun.file(join(import.meta.dir, "../recall", file)).text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}
