import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { openTerminal } from "../../src/host/terminal.ts";
import { temporary } from "../temporary.ts";

/** What reaches the two streams of a terminal, or of a pipe, when a text is said on both. */
async function written(text: string, isWatched: boolean): Promise<string[]> {
  using files = temporary();
  const paths = [files.file("out", ""), files.file("err", "")];
  const [stdout, stderr] = paths.map((path) => Bun.file(path)) as [Bun.BunFile, Bun.BunFile];
  const terminal = openTerminal({
    stdin: Bun.file("/dev/null"),
    stdout,
    stderr,
    isInteractive: async () => false,
    isWatched: async () => isWatched,
    onInterrupt: () => () => {},
    readHidden: async () => undefined,
  });
  await terminal.out(text);
  await terminal.err(text);
  return paths.map((path) => readFileSync(path, "utf8"));
}

const memory = "a\u001b[2Jb\u001b]52;c;cm0gLXJm\u0007c\rd\u007fe\u009b1mf\tg\r\n日本\n";

test("a memory commands no terminal: a person sees signs in the place of escape sequences", async () => {
  const seen = "a␛[2Jb␛]52;c;cm0gLXJm␇c␍d␡e\ufffd1mf\tg\n日本\n";
  expect(await written(memory, true)).toEqual([seen, seen]);
});

test("a program that reads our output gets every byte", async () => {
  expect(await written(memory, false)).toEqual([memory, memory]);
});
