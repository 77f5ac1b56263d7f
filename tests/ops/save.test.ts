import { expect, test } from "bun:test";
import { world } from "../world.ts";

test("what a save supersedes may be named by a prefix; what is no memory here is kept, and said", async () => {
  using w = world();
  const old = await w.save("Deploys go out on Fridays");
  const { out, err } = await w.kioku(["save", "Never on Fridays", "--supersedes", `${old.slice(0, 8).toUpperCase()}`]);
  expect(err).toBe("");
  expect((await w.kioku(["get-memory", out.slice("saved: ".length).trim()])).out).toContain(`supersedes: ${old}\n`);
  expect((await w.kioku(["search", "fridays"])).out).not.toContain("Deploys");
  const none = await w.kioku(["save", "x", "--supersedes", "PR-7,00000000"]);
  expect([none.exitCode, none.err]).toEqual([0, "note: supersedes what is no memory here: PR-7, 00000000\n"]);
});
