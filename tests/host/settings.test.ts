import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../src/core/errors.ts";
import { readSettings } from "../../src/host/settings.ts";
import { temporary } from "../temporary.ts";

/** Settings of an environment, a user file and a project file; text that is undefined is a file that is not there. */
function settingsOf({
  env = {},
  user,
  project,
}: {
  env?: { [name: string]: string };
  user?: string;
  project?: string;
}) {
  using files = temporary();
  if (user !== undefined) files.file("config.yaml", user);
  if (project !== undefined) files.file("repo/.kioku-mesh.yaml", project);
  const settings = readSettings(env, files.at("config.yaml"), () => files.directory("repo/deep/inside"));
  const { save, ...rest } = settings;
  return { ...rest, save: save() };
}

function refusal(act: () => unknown): [message: string, exit: number] {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return [error.message.replaceAll(/\/\S*\//g, ""), error.exit];
    throw error;
  }
  throw new Error("not refused");
}

test("nothing configured is a memory of this machine alone, whose saves may go everywhere", () => {
  expect(settingsOf({})).toEqual({
    backend: "local",
    userId: "",
    teamId: "",
    disableIndex: false,
    rebuild: false,
    strangeKeys: [],
    save: { project: "", tags: [], visibility: "mesh" },
  });
});

describe("precedence: environment, project file, user file, default", () => {
  test.each([
    [{}, "mesh"],
    [{ user: "default_visibility: team" }, "team"],
    [{ user: "default_visibility: mesh", project: "default_visibility: team" }, "team"],
    [{ env: { MESH_MEM_DEFAULT_VISIBILITY: "user" }, user: "default_visibility: team" }, "user"],
    [{ env: { KIOKU_MESH_DEFAULT_VISIBILITY: "team", MESH_MEM_DEFAULT_VISIBILITY: "user" } }, "team"],
    [{ env: { MESH_MEM_DEFAULT_VISIBILITY: "" }, user: "default_visibility: team" }, "team"],
  ])("visibility of %j is %s", (sources, visibility) => {
    expect(settingsOf(sources).save.visibility).toBe(visibility as "mesh");
  });

  test("a project file narrows reach and never widens it", () => {
    expect(settingsOf({ user: "default_visibility: user", project: "default_visibility: mesh" }).save.visibility).toBe(
      "user",
    );
    expect(
      settingsOf({ env: { MESH_MEM_DEFAULT_VISIBILITY: "team" }, project: "default_visibility: user" }).save.visibility,
    ).toBe("user");
  });

  test("the other settings", () => {
    const user = "user_id: me\nteam_id: us\nbackend: zenoh";
    expect(settingsOf({ user })).toMatchObject({ userId: "me", teamId: "us", backend: "zenoh" });
    const env = {
      MESH_MEM_BACKEND: "local",
      KIOKU_MESH_USER_ID: "you",
      MESH_MEM_DISABLE_INDEX: "1",
      MESH_MEM_FORCE_REBUILD: "1",
    };
    expect(settingsOf({ user, env })).toMatchObject({
      backend: "local",
      userId: "you",
      disableIndex: true,
      rebuild: true,
    });
    expect(settingsOf({ env: { MESH_MEM_DISABLE_INDEX: "true" } }).disableIndex).toBe(false);
  });
});

test("a project file labels saves, and has no say in anything else", () => {
  const project = "project: app\ntags: [a, b]\nbackend: zenoh\nuser_id: eve\nteam_id: eve\nstate_dir: /tmp/x";
  expect(settingsOf({ project })).toMatchObject({
    backend: "local",
    userId: "",
    teamId: "",
    save: { project: "app", tags: ["a", "b"], visibility: "mesh" },
  });
});

test("a project file is read for saves alone: a broken one stops nothing else", () => {
  using files = temporary();
  files.file("repo/.kioku-mesh.yaml", "project: [");
  const settings = readSettings({}, files.at("config.yaml"), () => files.at("repo"));
  expect(settings.backend).toBe("local");
  expect(refusal(settings.save)).toEqual([".kioku-mesh.yaml is no valid YAML", 2]);
});

describe("a project file is refused where", () => {
  test.each([
    [
      "a label is longer than one line",
      'project: "a\\nb"',
      "a label in .kioku-mesh.yaml is longer than 200 characters or no single line",
    ],
    [
      "a label is very long",
      `tags: [${"x".repeat(201)}]`,
      "a label in .kioku-mesh.yaml is longer than 200 characters or no single line",
    ],
    ["tags are no list", "tags: a", "'tags' in .kioku-mesh.yaml is no list of texts"],
    ["the project is no text", "project: 7", "'project' in .kioku-mesh.yaml is no text"],
    ["the reach is unknown", "default_visibility: world", "'world' is not known (in .kioku-mesh.yaml)"],
    ["it is huge", `# ${"x".repeat(300_000)}`, ".kioku-mesh.yaml has 300002 bytes, the limit is 262144"],
  ])("%s", (_, project, message) => {
    expect(refusal(() => settingsOf({ project }))[0]).toBe(message);
  });

  test("it is a link to a device that never ends", () => {
    using files = temporary();
    symlinkSync("/dev/zero", `${files.directory("repo")}/.kioku-mesh.yaml`);
    const settings = readSettings({}, files.at("config.yaml"), () => files.at("repo"));
    expect(refusal(settings.save)).toEqual([".kioku-mesh.yaml is no regular file", 5]);
  });
});

describe("the user file is refused where", () => {
  test.each([
    ["it is no YAML", "backend: [", "config.yaml is no valid YAML", 2],
    ["it is no mapping", "- backend", "config.yaml is no mapping of settings", 2],
    ["the backend is unknown", "backend: cloud", "'cloud' is not known (in config.yaml)", 2],
    ["a value has the wrong type", "backend: 7", "'backend' in config.yaml is no text", 2],
    ["it is of a newer version", "version: 2\nbackend: local", "config.yaml is of version 2, this build reads 1", 7],
    ["its version is none", "version: new", "config.yaml is of version new, this build reads 1", 7],
  ])("%s", (_, user, message, exit) => {
    expect(refusal(() => settingsOf({ user }))).toEqual([message, exit]);
  });

  test("it is a directory", () => {
    using files = temporary();
    mkdirSync(files.at("config.yaml"));
    expect(refusal(() => readSettings({}, files.at("config.yaml"), () => files.path))).toEqual([
      "config.yaml is no regular file",
      5,
    ]);
  });
});

test("a wrong value names where it came from", () => {
  expect(refusal(() => settingsOf({ env: { MESH_MEM_BACKEND: "cloud" } }))[0]).toBe(
    "'cloud' is not known (in MESH_MEM_BACKEND)",
  );
});

test("empty files, comments and versions that are known are fine; keys of other releases are left alone", () => {
  expect(settingsOf({ user: "", project: "# nothing yet\n" })).toMatchObject({ backend: "local", strangeKeys: [] });
  const user = "version: 1\nbackend: local\nmessaging: {tmux: {enabled: true}}\nstorage_scopes: [mesh]\n";
  expect(settingsOf({ user }).strangeKeys).toEqual(["messaging", "storage_scopes"]);
});

describe("a plain file and the same in the fullness of YAML say the same:", () => {
  test.each([
    ["user_id: me\nteam_id: us", '"user_id": "me"\nteam_id: {}'.replace("{}", "'us'")],
    ["# ours\r\n\r\nuser_id: a.b-c@d/e  \r\n", "user_id: >-\n  a.b-c@d/e\n"],
    ["user_id: nobody", "{user_id: nobody}"],
    ["user_id: Nomad # me", "user_id: 'Nomad'"],
  ])("%j and %j", (plain, full) => {
    expect(settingsOf({ user: plain })).toEqual(settingsOf({ user: full }));
  });

  test("words that mean more than themselves are left to YAML", () => {
    expect(settingsOf({ user: "user_id: null" }).userId).toBe("");
    for (const user of ["user_id: 12", "user_id: true", "user_id: [a]"]) {
      expect(refusal(() => settingsOf({ user }))).toEqual(["'user_id' in config.yaml is no text", 2]);
    }
    expect(refusal(() => settingsOf({ user: "user_id: a\nuser_id: b" }))[0]).toBe("config.yaml is no valid YAML");
  });
});

test("the nearest project file upward counts", () => {
  using files = temporary();
  files.file("a/.kioku-mesh.yaml", "project: outer");
  const inner = files.file("a/b/.kioku-mesh.yaml", "project: inner");
  const settings = readSettings({}, files.at("config.yaml"), () => files.directory("a/b/c"));
  expect(settings.save().project).toBe("inner");
  expect(readSettings({}, files.at("config.yaml"), () => dirname(dirname(inner))).save().project).toBe("outer");
});
