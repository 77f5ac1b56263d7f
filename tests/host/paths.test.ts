import { describe, expect, test } from "bun:test";
import { UserError } from "../../src/core/errors.ts";
import { pathsOf } from "../../src/host/paths.ts";
import { temporary } from "../temporary.ts";

const nowhere = () => "";

describe("without any directory of ours, those of the original's 0.3:", () => {
  test.each([
    ["linux", {}, "/h/.config/mesh-mem/config.yaml", "/h/.local/share/mesh-mem/memory.db"],
    ["linux", { XDG_CONFIG_HOME: "/x" }, "/x/mesh-mem/config.yaml", "/h/.local/share/mesh-mem/memory.db"],
    ["linux", { XDG_DATA_HOME: "/d" }, "/h/.config/mesh-mem/config.yaml", "/h/.local/share/mesh-mem/memory.db"],
    ["darwin", {}, "/h/.config/mesh-mem/config.yaml", "/h/Library/Application Support/mesh-mem/memory.db"],
    ["win32", {}, "/h/.config/mesh-mem/config.yaml", "/h/AppData/Local/mesh-mem/memory.db"],
    ["win32", { LOCALAPPDATA: "/l" }, "/h/.config/mesh-mem/config.yaml", "/l/mesh-mem/memory.db"],
    ["linux", { MESH_MEM_STATE_DIR: "/s" }, "/h/.config/mesh-mem/config.yaml", "/s/memory.db"],
    ["linux", { MESH_MEM_STATE_DIR: "" }, "/h/.config/mesh-mem/config.yaml", "/h/.local/share/mesh-mem/memory.db"],
    [
      "linux",
      { MESH_MEM_STATE_DIR: "/s", KIOKU_MESH_STATE_DIR: "/k" },
      "/h/.config/mesh-mem/config.yaml",
      "/k/memory.db",
    ],
    ["linux", { MESH_MEM_STATE_DIR: "~/s" }, "/h/.config/mesh-mem/config.yaml", "/h/s/memory.db"],
  ])("%s %j", (platform, env, config, database) => {
    const paths = pathsOf({ HOME: "/h", ...env }, platform, nowhere);
    expect([paths.config, paths.database, paths.passedOver]).toEqual([config, database, []]);
  });
});

describe("of two names that a state directory has had, the one in use is", () => {
  test.each([
    ["the later, where only it exists", ["kioku-mesh/"], "kioku-mesh", []],
    ["the older, where only it exists", ["mesh-mem/"], "mesh-mem", []],
    ["the later of two empty ones", ["kioku-mesh/", "mesh-mem/"], "kioku-mesh", ["mesh-mem"]],
    ["the one that holds our database", ["kioku-mesh/", "mesh-mem/memory.db"], "mesh-mem", ["kioku-mesh"]],
    ["the later, where both hold one", ["kioku-mesh/memory.db", "mesh-mem/memory.db"], "kioku-mesh", ["mesh-mem"]],
  ])("%s", (_, present, used, passedOver) => {
    using files = temporary();
    for (const path of present) {
      if (path.endsWith("/")) files.directory(".local/share", path);
      else files.file(`.local/share/${path}`);
    }
    const paths = pathsOf({ HOME: files.path }, "linux", nowhere);
    expect(paths.stateDirectory).toBe(files.at(".local/share", used));
    expect(paths.passedOver).toEqual(passedOver.map((name) => files.at(".local/share", name)));
  });
});

test("without HOME the system's own knowledge of the home directory counts", () => {
  expect(pathsOf({}, "linux", () => "/known").database).toBe("/known/.local/share/mesh-mem/memory.db");
});

test("without any home directory nothing is written into the working directory instead", () => {
  const failure = (env: { [name: string]: string }) => {
    try {
      return pathsOf(env, "linux", nowhere).database;
    } catch (error) {
      return error instanceof UserError && [error.message, error.exit];
    }
  };
  expect(failure({})).toEqual(["HOME is not set", 5]);
  expect(failure({ HOME: "here" })).toEqual(["HOME is no absolute path: 'here'", 5]);
  expect(failure({ KIOKU_MESH_STATE_DIR: "/s", XDG_CONFIG_HOME: "/c" })).toBe("/s/memory.db");
});
