import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGuarded } from "../../src/router/guard.ts";
import { isAlive } from "../../src/router/private-files.ts";
import { temporary } from "../temporary.ts";

function start(...command: string[]) {
  const lines: string[] = [];
  const directory = tmpdir();
  const child = startGuarded(command, { directory, env: { ONLY: "this" }, onLine: (line) => lines.push(line) });
  return { ...child, lines };
}

test("a guarded program is the process that is told of, and ends when it is stopped, even a stubborn one", async () => {
  const { pid, ended, stop, lines } = start("/bin/sh", "-c", 'trap "" TERM INT HUP; echo $$; exec sleep 60');
  while (lines.length === 0) await Bun.sleep(5);
  expect(lines).toEqual([String(pid)]);
  await stop();
  expect(await ended).toBe("was killed by SIGKILL");
  expect(isAlive(pid)).toBeFalse();
});

test("its end is told with all that it has printed, without colours", async () => {
  const { ended, lines } = start(
    "/bin/sh",
    "-c",
    "printf '\\033[31mred\\033[0m\\n'; echo $ONLY$HOME >&2; printf last; exit 3",
  );
  expect(await ended).toBe("ended with status 3");
  expect(lines.toSorted()).toEqual(["last", "red", "this"]);
});

test("its arguments reach it as they are, and what it writes is its owner's alone", async () => {
  using folder = temporary();
  const path = join(folder.path, "a b'\"$x");
  const { ended, lines } = start("/bin/sh", "-c", 'echo "$1" > "$1"; ls -l "$1"', "sh", path);
  expect(await ended).toBe("ended with status 0");
  expect(existsSync(path)).toBeTrue();
  expect(lines[0]).toStartWith("-rw-------");
});

test("a program that is not there ends at once", async () => {
  const { ended, lines } = start("/nowhere/zenohd");
  expect(await ended).toBe("ended with status 127");
  expect(lines.join()).toContain("/nowhere/zenohd");
});
