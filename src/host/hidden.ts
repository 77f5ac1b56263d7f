import type { ReadStream } from "node:tty";

/**
 * A line typed on a terminal without being shown; undefined at the end of input or at an interrupt. `ask` is called once
 * nothing is shown any more: who sees the question may have the answer in the clipboard.
 */
export function readHidden(stdin: ReadStream, ask: () => unknown): Promise<string | undefined> {
  return new Promise((resolve) => {
    let line = "";
    const finish = (result: string | undefined) => {
      stdin.setRawMode(false);
      stdin.off("data", onData);
      stdin.pause();
      resolve(result);
    };
    const onData = (bytes: Buffer) => {
      for (const character of bytes.toString("utf8")) {
        if (character === "\r" || character === "\n") return finish(line);
        if (character === "\x03" || character === "\x04") return finish(undefined);
        line = character === "\x7f" || character === "\b" ? line.slice(0, -1) : line + character;
      }
    };
    stdin.setRawMode(true);
    stdin.on("data", onData);
    stdin.resume();
    ask();
  });
}
