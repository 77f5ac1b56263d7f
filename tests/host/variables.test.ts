import { Glob } from "bun";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { foreignVariables, idleVariables, prefixes, setting, variables } from "../../src/host/variables.ts";

test("every variable that the sources read is in the list from which the reference is made", async () => {
  const src = join(import.meta.dir, "../../src");
  const known = new Set([
    ...Object.keys(foreignVariables).flatMap((names) => names.split(", ")),
    ...Object.keys(variables).flatMap((name) => prefixes.map((prefix) => prefix + name)),
  ]);
  const read = new Set<string>();
  for (const file of new Glob("**/*.ts").scanSync(src)) {
    const text = await Bun.file(join(src, file)).text();
    for (const [, name] of text.matchAll(/\benv(?:ironment)?(?:\.|\[")([A-Z][A-Z_]+)/g)) read.add(name!);
  }
  expect(read.size).toBeGreaterThan(10);
  expect([...read].filter((name) => !known.has(name))).toEqual([]);
});

test("variables without effect are named, and only those", () => {
  const env = {
    MESH_MEM_INDEX_DB: "/x/index.db",
    KIOKU_MESH_STAT_DIR: "/y",
    KIOKU_MESH_EMPTY: "",
    KIOKU_MESH_SCOPE_ISOLATION: "enforce",
    MESH_MEM_STATE_DIR: "/z",
    PATH: "/bin",
  };
  expect(idleVariables(env)).toEqual([
    "MESH_MEM_INDEX_DB is ignored: the search tables are inside the database",
    "KIOKU_MESH_STAT_DIR is ignored: there is no such setting",
  ]);
  expect(setting(env, "STATE_DIR")).toBe("/z");
});
