import type { Database } from "bun:sqlite";
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Filter } from "../../src/store/filter.ts";
import { openDatabase } from "../../src/store/open.ts";
import { usualPatience } from "../../src/store/patience.ts";
import { openReader } from "../../src/store/reader.ts";
import { openSearch, type SearchOptions } from "../../src/store/search.ts";
import { openSearchIndex } from "../../src/store/search-index.ts";
import { openStore } from "../../src/store/store.ts";
import { idOf, now, observation } from "./records.ts";
import { temporaryDirectory } from "./temporary.ts";

const path = join(temporaryDirectory(), "memory.db");

/** Enough memories that SQLite's planner has a choice: one common word in all, rare ones in few. */
beforeAll(() => {
  const store = openStore(path, () => now);
  for (let from = 0; from < 3000; from += 500) {
    const records = Array.from({ length: 500 }, (_, i) =>
      observation(idOf(`${from + i}`), {
        content: `common word number ${from + i} of rare${(from + i) % 100} 設定`,
        project: `project-${i % 7}`,
        session_id: `s${(from + i) % 300}`,
        created_at: new Date(Date.UTC(2026, 0, 1) + (from + i) * 60_000).toISOString().replace("Z", "000Z"),
      }),
    );
    store.append(records);
  }
  store.close();
});

/** The plan of every statement that some work runs, by SQLite's own word. It looks at the limit too. */
function plansOf(work: (db: Database) => void, limit = 50): string[] {
  const db = openDatabase(path, { patience: usualPatience, brief: false }, () => {});
  db.run("analyze"); // whatever SQLite learns of the data, the plans stay
  const statements = new Set<string>();
  const watched = new Proxy(db, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (sql: string, ...rest: unknown[]) => {
        if (name === "query") statements.add(sql);
        return (member as (...all: unknown[]) => unknown).call(target, sql, ...rest);
      };
    },
  });
  work(watched);
  const plans = [...statements].map((sql) =>
    db.query<{ detail: string }, []>(`explain query plan ${sql.replace("$limit", `${limit}`)}`).all()
      .map(({ detail }) => detail).join("; "),
  ); // prettier-ignore
  db.close();
  return plans;
}

const filters: [name: string, filter: Filter][] = [
  ["none", {}],
  ["project", { project: "project-3" }],
  ["session", { session_id: "s7" }],
  ["time", { since: "2026-01-02T00:00:00.000000Z" }],
  [
    "all of them",
    { project: "project-3", session_id: "s7", pc_id: idOf("atlas"), until: "2026-01-02T00:00:00.000000Z" },
  ],
];
const queries = ["common", "common word rare7", "設", "which number has the common word and is rare7", "are7"];

const byRow =
  /^SCAN c VIRTUAL TABLE INDEX 1:; SEARCH o USING INTEGER PRIMARY KEY .*; SEARCH r USING INTEGER PRIMARY KEY \(rowid=\?\)/;

describe("a search starts from the search tables", () => {
  for (const [name, filter] of filters) {
    test(`with the filter ${name}`, () => {
      const plans = plansOf((db) => {
        const search = openSearch(db, openSearchIndex(db));
        for (const query of queries) {
          const options: SearchOptions[] = [{}, { mode: "or" }, { sort: "newest" }];
          for (const each of options)
            search(query, { ...filter, include_superseded: each.mode === "or" }, now, 50, each);
        }
      });
      expect(plans.filter((plan) => plan.includes("search_index_1"))).not.toEqual([]);
      for (const plan of plans) {
        // Only the rows that the index names are looked up, one by one, and no table is ever read through.
        expect(plan).not.toMatch(
          /\bSCAN (?:o|r|record|observation)\b(?! USING (?:COVERING )?INDEX observation_by_time)/,
        );
        if (/\bSEARCH r\b/.test(plan)) expect(plan).toMatch(byRow);
        if (plan.includes("search_index_1")) expect(plan).not.toContain("TEMP B-TREE");
      }
    });
  }
});

test("a list without a query starts from its order, with a filter from that", () => {
  const plans = (filter: Filter, limit = 50) =>
    plansOf((db) => void openReader(db).list(filter, now, limit), limit).join("; ");
  expect(plans({})).toMatch(/^SCAN o USING INDEX observation_by_time/);
  expect(plans({}, 1)).toMatch(/^SCAN o USING INDEX observation_by_time/);
  expect(plans({ since: now })).toMatch(/^SEARCH o USING INDEX observation_by_time/);
  expect(plans({ project: "project-3" })).toMatch(/^SEARCH o USING INDEX observation_by_project/);
  expect(plans({ session_id: "s7" })).toMatch(/^SEARCH o USING INDEX observation_by_session/);
  for (const filter of [{}, { project: "project-3" }])
    expect(plans(filter)).not.toContain("USE TEMP B-TREE FOR ORDER BY");
});

test("an observation is found by its id through the index of the log", () => {
  const plans = plansOf((db) => {
    const reader = openReader(db);
    reader.observation(idOf("5"), now);
    reader.idsWithPrefix("abcdef01");
  });
  expect(plans).toHaveLength(2);
  for (const plan of plans) expect(plan).toMatch(/^SEARCH r USING (COVERING )?INDEX \w+ \(kind=\? AND id[=>]/);
});
