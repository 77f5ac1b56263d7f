import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { world } from "../world.ts";

/** A memory whose projections no longer say what its log says. */
async function astray() {
  const w = world();
  const id = await w.save("kept in the log", "-p", "demo");
  const db = new Database(join(w.home, ".local/share/mesh-mem/memory.db"));
  db.run("update observation set project = 'astray'");
  db.close();
  return { ...w, id };
}

describe("projections are made anew from the log", () => {
  test.each([
    [["--rebuild", "search", "-p", "demo"], {}],
    [["search", "-p", "demo"], { MESH_MEM_FORCE_REBUILD: "1" }],
    [["search", "-p", "demo"], { KIOKU_MESH_FORCE_REBUILD: "1" }],
    [["--rebuild", "search", "-p", "demo"], { MESH_MEM_SKIP_REBUILD: "1" }],
  ])("by %j with %j", async (argv, env) => {
    using w = await astray();
    expect((await w.kioku(argv, { env })).out).toContain(`<id=${w.id}>`);
    expect((await w.kioku(["search", "-p", "demo"])).out).toContain(`<id=${w.id}>`);
  });
});

describe("and otherwise left alone:", () => {
  test.each([[{}], [{ MESH_MEM_FORCE_REBUILD: "yes" }], [{ MESH_MEM_SKIP_REBUILD: "1" }]])("%j", async (env) => {
    using w = await astray();
    expect((await w.kioku(["search", "-p", "demo"], { env })).out).toBe("No matching memories.\n");
  });
});
