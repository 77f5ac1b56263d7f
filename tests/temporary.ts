import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A directory that is gone when its variable goes out of scope: `using files = temporary()`. */
export function temporary() {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "kioku-")));
  return {
    path,
    at: (...names: string[]) => join(path, ...names),
    directory(...names: string[]): string {
      mkdirSync(join(path, ...names), { recursive: true });
      return join(path, ...names);
    },
    file(name: string, text: string | Uint8Array = ""): string {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), text);
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
