import { expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  makeMembership,
  meshIdOf,
  openMembership,
  removeMembership,
  sealed,
  writeMembership,
} from "../../src/mesh/membership.ts";
import { temporary } from "../temporary.ts";

test("who leaves takes the key along, also the one in the draft of a writer that was killed", () => {
  using files = temporary();
  const mesh = files.at("mesh");
  writeMembership(mesh, sealed());
  files.file("mesh/.membership.4711.0a1b2c3d", "kioku1_half");
  files.file("mesh/tls/link.key", "a key");
  files.file("mesh/zenohd.log");
  removeMembership(mesh);
  expect(readdirSync(mesh)).toEqual(["zenohd.log"]);
  removeMembership(mesh); // nothing is there: nothing to do
  writeMembership(mesh, openMembership);
  expect(readdirSync(mesh).toSorted()).toEqual(["membership", "zenohd.log"]);
});

test("of processes that make a mesh at once all get the same key, and who comes later replaces none", async () => {
  using files = temporary();
  const directory = files.at("mesh");
  const module = join(import.meta.dir, "../../src/mesh/membership.ts");
  const script = `
    const { makeMembership, meshIdOf } = await import(${JSON.stringify(module)});
    makeMembership(${JSON.stringify(directory)});
    console.log(meshIdOf(${JSON.stringify(directory)}));`;
  const makers = Array.from({ length: 6 }, () => Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" }));
  const ids = await Promise.all(makers.map(({ stdout }) => new Response(stdout).text()));
  expect(new Set(ids).size).toBe(1);
  makeMembership(directory);
  expect(`${meshIdOf(directory)}\n`).toBe(ids[0]!);
  expect(readdirSync(directory)).toEqual(["membership"]);
  expect(statSync(join(directory, "membership")).mode & 0o777).toBe(0o600);
});

test("an open mesh is made no sealed one on the way", () => {
  using files = temporary();
  writeMembership(files.at("mesh"), openMembership);
  expect(() => makeMembership(files.at("mesh"))).toThrow("this host belongs to an open mesh");
  expect(meshIdOf(files.at("mesh"))).toBe("open");
});
