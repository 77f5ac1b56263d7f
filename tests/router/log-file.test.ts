import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLogFile } from "../../src/router/log-file.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kioku-log-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a log stays small: the newest lines and a bounded number of older files", () => {
  const path = join(folder, "zenohd.log");
  const log = openLogFile(path, { maxBytes: 100, kept: 2 });
  for (let i = 0; i < 100; i++) log.write(`line ${String(i).padStart(3, "0")}`);
  log.close();
  expect(readdirSync(folder).toSorted()).toEqual(["zenohd.log", "zenohd.log.1", "zenohd.log.2"]);
  const lines = ["zenohd.log.2", "zenohd.log.1", "zenohd.log"].flatMap((name) =>
    readFileSync(join(folder, name), "utf8").trim().split("\n"),
  );
  expect(lines).toEqual(
    Array.from({ length: lines.length }, (_, i) => `line ${String(100 - lines.length + i).padStart(3, "0")}`),
  );
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(100);
});

test("it goes on where it ended, and only its owner can read it", () => {
  const path = join(folder, "zenohd.log");
  writeFileSync(path, "before\n");
  chmodSync(path, 0o644);
  const log = openLogFile(path);
  log.write("after");
  log.close();
  expect(readFileSync(path, "utf8")).toBe("before\nafter\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
