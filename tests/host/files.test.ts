import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { makePrivateDirectory, readSmallFile, writePrivateFile } from "../../src/host/files.ts";
import { temporary } from "../temporary.ts";

test("a file is written for its owner alone, in directories for its owner alone, and no draft stays", () => {
  using files = temporary();
  const path = files.at("a/b/c.yaml");
  writePrivateFile(path, "one");
  writePrivateFile(path, "two");
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  for (const directory of ["a", "a/b"]) expect(statSync(files.at(directory)).mode & 0o777).toBe(0o700);
  expect(readdirSync(files.at("a/b"))).toEqual(["c.yaml"]);
});

test("a file that cannot be written leaves nothing behind, and says what to do", () => {
  using files = temporary();
  mkdirSync(files.at("target"));
  files.file("target/in-the-way");
  expect(() => writePrivateFile(files.at("target"), "x")).toThrow(`${files.at("target")} cannot be written`);
  expect(readdirSync(files.path)).toEqual(["target"]);
});

test("a directory that cannot be made says so", () => {
  using files = temporary();
  files.file("file");
  for (const path of ["file", "file/below"]) {
    expect(() => makePrivateDirectory(files.at(path))).toThrow("the directory cannot be made");
  }
});

test("an existing directory keeps its mode", () => {
  using files = temporary();
  mkdirSync(files.at("open"), { mode: 0o755 });
  makePrivateDirectory(files.at("open"));
  expect(statSync(files.at("open")).mode & 0o777).toBe(0o755);
});

test("what is not there is undefined, also below a file", () => {
  using files = temporary();
  files.file("file");
  expect(readSmallFile(files.at("none"))).toBeUndefined();
  expect(readSmallFile(files.at("file/none"))).toBeUndefined();
  expect(readSmallFile(files.at("file"))).toBe("");
});

test("a named pipe is not waited for", () => {
  using files = temporary();
  Bun.spawnSync(["mkfifo", files.at("pipe")]);
  expect(() => readSmallFile(files.at("pipe"))).toThrow("is no regular file");
});
