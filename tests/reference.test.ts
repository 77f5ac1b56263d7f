import { expect, test } from "bun:test";
import { reference, referencePath } from "../build/reference.ts";

test("docs/reference.md is what the definitions say (else: bun run reference)", async () => {
  expect(await Bun.file(referencePath).text()).toBe(reference());
});
