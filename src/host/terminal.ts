import type { BunFile } from "bun";
import { UserError } from "../core/errors.ts";

/** What a terminal is made of: Bun's own files, since Node's streams cost 8 ms of every start. */
interface Streams {
  stdin: BunFile;
  stdout: BunFile;
  stderr: BunFile;
  /** Whether a person types what stdin reads. */
  isInteractive(): Promise<boolean>;
  /** Whether a person sees what stdout (1) or stderr (2) says. */
  isWatched(descriptor: 1 | 2): Promise<boolean>;
  /** Calls back when the person interrupts (^C), until the function it gives is called. */
  onInterrupt(callback: () => void): () => void;
  /** What a person types after `ask`, not shown: one line, undefined at its end. Only where a person types. */
  readHidden(ask: () => unknown): Promise<string | undefined>;
}

/** What a terminal obeys: moving, erasing, answering, setting its title or the clipboard. */
const commands = /(?![\n\t])\p{Cc}/u;

/** The same text with a sign for each of them. */
function tame(text: string): string {
  const sign = (command: string) => {
    const code = command.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  };
  return text.replaceAll("\r\n", "\n").replaceAll(new RegExp(commands, "gu"), sign);
}

/** The three streams of this process. A closed pipe is no failure (`| head`), a full disk is. */
export function openTerminal(streams: Streams) {
  const { stdin, stdout, stderr, isInteractive, isWatched, onInterrupt, readHidden } = streams;
  let said: Promise<unknown> = Promise.resolve();

  /** Stored text may be anyone's: what a person sees must not command the terminal. What a program reads stays as it is. */
  async function seen(text: string, descriptor: 1 | 2): Promise<string> {
    return commands.test(text) && (await isWatched(descriptor)) ? tame(text) : text;
  }

  async function out(text: string): Promise<void> {
    await Bun.write(stdout, await seen(text, 1)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return;
      throw new UserError("unavailable", `the answer cannot be written to standard output (${error.code})`, {
        hint: "the command itself has been carried out",
        cause: error,
      });
    });
  }

  /** Reads until `enough` says so of what has been read, or to the end, which `stop` brings about. */
  function openInput(enough: (bytes: Uint8Array) => boolean) {
    const reader = stdin.stream().getReader();
    async function read(): Promise<Uint8Array> {
      let bytes = new Uint8Array();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        bytes = Buffer.concat([bytes, next.value]);
        if (enough(bytes)) break;
      }
      await reader.cancel();
      return bytes;
    }
    return { read, stop: () => void reader.cancel() };
  }

  /** One line typed after a prompt, undefined at the end of input or at an interrupt, however early. */
  async function readLine(prompt: string): Promise<string | undefined> {
    const { read, stop } = openInput((bytes) => bytes.includes(10));
    const resume = onInterrupt(stop); // a read that nobody ends would keep the process
    const bytes = await out(prompt).then(read).finally(resume);
    const end = bytes.indexOf(10);
    return end < 0 ? undefined : new TextDecoder().decode(bytes.subarray(0, end));
  }

  return {
    out,
    err(text: string): Promise<void> {
      said = said.then(async () => Bun.write(stderr, await seen(text, 2))).catch(() => undefined); // there is nobody left to tell
      return said.then(() => undefined);
    },
    /** Settles when all that was said has got out. */
    flush: (): Promise<void> => said.then(() => undefined),
    draw(text: string): Promise<void> {
      said = said.then(async () => (await isWatched(2)) && Bun.write(stderr, text)).catch(() => undefined);
      return said.then(() => undefined);
    },
    stream: (): AsyncIterable<Uint8Array> => stdin.stream(),
    read: (most: number) => openInput((bytes) => bytes.length >= most).read(),
    /** What standard input holds at once: until `enough` of it is there, its end, or so many milliseconds are over. */
    async peek(enough: (bytes: Uint8Array) => boolean, milliseconds: number): Promise<Uint8Array> {
      const { read, stop } = openInput(enough);
      const timer = setTimeout(stop, milliseconds);
      return await read().finally(() => clearTimeout(timer));
    },
    async askSecret(prompt: string): Promise<string | undefined> {
      if (!(await isInteractive())) return undefined;
      const line = await readHidden(() => Bun.write(stderr, prompt));
      await Bun.write(stderr, "\n");
      return line ?? "";
    },
    async ask(prompt: string) {
      if (!(await isInteractive())) return "nobody" as const;
      const line = await readLine(prompt);
      if (line === undefined) await out("\n");
      return { line };
    },
  };
}
