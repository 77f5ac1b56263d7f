import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory for the tests of one file, removed after them, also when they fail. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "kioku-store-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
