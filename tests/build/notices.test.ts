import { expect, test } from "bun:test";
import { join } from "node:path";
import { notices } from "../../build/notices.ts";

test("the notices name what the binary contains (else: bun run notices)", async () => {
  const file = Bun.file(join(import.meta.dir, "../../THIRD-PARTY-NOTICES.md"));
  expect(await file.text()).toBe(await notices());
});
