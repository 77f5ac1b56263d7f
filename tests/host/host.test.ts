import { expect, test } from "bun:test";
import { openHost } from "../../src/host/host.ts";
import { temporary } from "../temporary.ts";

test("a working directory that is removed while an agent's server runs stops no save", () => {
  using files = temporary();
  const host = openHost({
    env: { HOME: files.path },
    platform: "linux",
    homeDirectory: () => "",
    workingDirectory() {
      throw Object.assign(new Error("uv_cwd"), { code: "ENOENT" });
    },
    now: () => new Date(0),
  });
  expect(host.projectHere()).toBe("");
  expect(host.settings().save()).toEqual({ project: "", tags: [], visibility: "mesh" });
});

test("what cannot be known of the working directory for another reason is no secret", () => {
  using files = temporary();
  const host = openHost({
    env: { HOME: files.path },
    platform: "linux",
    homeDirectory: () => "",
    workingDirectory() {
      throw Object.assign(new Error("not permitted"), { code: "EPERM" });
    },
    now: () => new Date(0),
  });
  expect(host.projectHere).toThrow("not permitted");
});
