/** `init` finds what the Python program has left, and offers to import it. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { idOf } from "../store/records.ts";
import { world } from "../world.ts";
import { index, payload } from "./python-databases.ts";

const stdout = (w: ReturnType<typeof world>, name = "mesh-mem") =>
  `wrote ${w.home}/.config/mesh-mem/config.yaml\nlocal backend ready — no zenohd required.\nnext: kioku-mesh save "hello local"\n`.replace(
    "/mesh-mem/config",
    `/${name}/config`,
  );

function left(w: ReturnType<typeof world>): void {
  index(join(w.home, ".local/share/mesh-mem/index.db"), 2, [
    { id: idOf("one"), payload: payload("one") },
    { id: idOf("two"), payload: payload("two") },
  ]);
}

test("without a person it says how, on stderr, and changes nothing", async () => {
  using w = world();
  left(w);
  const { out, err, exitCode } = await w.kioku(["init"]);
  expect([out, exitCode]).toEqual([stdout(w), 0]);
  expect(err).toBe("found 2 memories of the Python program; to take them in: kioku-mesh import\n");
  expect(existsSync(join(w.home, ".local/share/mesh-mem/memory.db"))).toBe(false);
});

test("a person is asked, and yes imports", async () => {
  using w = world();
  left(w);
  const { out, err, exitCode } = await w.kioku(["init"], { typed: ["yes"] });
  const question = "found 2 memories of the Python program. Import them? type 'yes' to confirm: ";
  expect([out, exitCode]).toEqual([question + stdout(w), 0]);
  expect(err).toEndWith("imported: 2 observations\n");
  expect((await w.kioku(["init", "--force"], { typed: [] })).err).toBe("");
});

test("any other answer imports nothing", async () => {
  using w = world();
  left(w);
  const { err, exitCode } = await w.kioku(["init"], { typed: ["y"] });
  expect([err, exitCode]).toEqual([expect.stringContaining("to take them in: kioku-mesh import"), 0]);
  expect(JSON.parse((await w.kioku(["search", "--format", "json"])).out)).toEqual([]);
});

test("where a configuration is there already, as the Python program's is, it is said before the refusal", async () => {
  using w = world();
  left(w);
  w.files.file(".config/mesh-mem/config.yaml", "backend: local\n");
  const { err, exitCode } = await w.kioku(["init"]);
  expect(exitCode).toBe(1);
  expect(err).toStartWith("found 2 memories of the Python program; to take them in: kioku-mesh import\nerror: ");
});

test("a host of a mesh is offered them too, but not where only the configuration is printed", async () => {
  using w = world();
  left(w);
  const hub = ["init", "--mode", "hub", "--listen", "127.0.0.1"];
  expect((await w.kioku([...hub, "--print"])).err).toBe("");
  expect((await w.kioku(hub)).err).toStartWith("found 2 memories of the Python program");
});

test("where there is nothing, nothing is said", async () => {
  using w = world();
  expect(await w.kioku(["init"])).toEqual({ out: stdout(w), err: "", exitCode: 0 });
});

test("what is wrong with it is no failure of init", async () => {
  using w = world();
  w.files.file(".local/share/mesh-mem/index.db", "SQLite format 3\0".padEnd(4096, "x"));
  w.files.file(".local/share/mesh-mem/memory.db", "SQLite format 3\0".padEnd(4096, "x"));
  const { out, exitCode } = await w.kioku(["init"]);
  expect([out, exitCode]).toEqual([stdout(w), 0]);
  chmodSync(join(w.home, ".local/share/mesh-mem"), 0o700);
});
