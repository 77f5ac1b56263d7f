import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { openMembership, removeMembership, sealed, writeMembership } from "../../src/mesh/membership.ts";
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
