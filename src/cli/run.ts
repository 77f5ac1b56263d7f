import { UserError } from "../core/errors.ts";
import { parseObject, payloadJson } from "../core/json.ts";
import type { Context } from "../ops/context.ts";
import { catalogue, loadOperations } from "../ops/index.ts";
import type { Use, Voices } from "../ops/open.ts";
import { invoke, type Operation } from "../ops/operation.ts";
import { complete, completionText } from "./complete.ts";
import { helpOf, route, type Command } from "./commands.ts";
import { failure } from "./failure.ts";
import { readFlags } from "./flags.ts";
import { openProgress } from "./progress.ts";
import { operationHelp, rootHelp } from "./help.ts";
import { nearest } from "../core/nearest.ts";
import { readText } from "./stdin.ts";

/** The three streams, and the person behind them where there is one. */
export interface Terminal {
  out(text: string): Promise<void>;
  /** Writes in the order of the calls. Never fails: nobody could be told. */
  err(text: string): Promise<void>;
  /** The same, only where a person sees it: what is drawn is drawn over. */
  draw(text: string): Promise<void>;
  /** Standard input to its end. */
  stream(): AsyncIterable<Uint8Array>;
  /** Standard input to its end, or to so many bytes. */
  read(most: number): Promise<Uint8Array>;
  /** What standard input holds at once: until `enough` of it is there, its end, or so many milliseconds are over. */
  peek(enough: (bytes: Uint8Array) => boolean, milliseconds: number): Promise<Uint8Array>;
  /** What a person types after a prompt; undefined for the end of input, and "nobody" where no person is there. */
  ask(prompt: string): Promise<{ line: string | undefined } | "nobody">;
  /** The same without showing it; undefined where no person is there. */
  askSecret(prompt: string): Promise<string | undefined>;
}

/** What the command line needs of the rest of the program. */
export interface Program {
  version: string;
  /** The context of one command. */
  open(options: Use & Voices): { context: Context; close(): void };
  /** Serves an agent on stdio; gives the exit status. */
  serve(): Promise<number>;
}

/** Runs one command line and answers with its exit status. */
export async function run(argv: string[], program: Program, terminal: Terminal): Promise<number> {
  try {
    return await start(argv, program, terminal);
  } catch (error) {
    const { text, exitCode } = failure(error, argv.includes("--json"));
    const { hook } = (await operationNamed(argv)) ?? {};
    if (!hook || argv.includes("--verbose")) await terminal.err(`${text}\n`);
    return hook ? 0 : exitCode;
  }
}

/** Answers a shell's script. Silent whatever happens: a person is in the middle of typing. */
async function answerShell(argv: string[], program: Program, terminal: Terminal): Promise<number> {
  const end = argv.indexOf("--");
  const words = [...argv.slice(end + 1), ...(argv.slice(0, end).includes("--new") ? [""] : [])];
  const { context, close } = program.open({ rebuild: false, brief: true });
  try {
    const operations = await loadOperations();
    const commands = commandsOf(operations, program, terminal, false);
    await terminal.out(completionText(complete(words, commands, operations, context)));
  } catch {
    // no completion is the best answer then
  } finally {
    close();
  }
  return 0;
}

async function start(argv: string[], program: Program, terminal: Terminal): Promise<number> {
  if (argv[0] === "__complete") return await answerShell(argv.slice(1), program, terminal);
  const end = argv.findIndex((word) => !word.startsWith("-"));
  const globals = end < 0 ? argv : argv.slice(0, end);
  const words = argv.slice(globals.length);
  if (globals.includes("--version")) return await printed(terminal, `kioku-mesh ${program.version}\n`);
  const named = await operationNamed(words);
  const operations = named ? [named] : await loadOperations();
  const commands = commandsOf(operations, program, terminal, globals.includes("--rebuild"));
  const help = () => rootHelp(program.version, commands);
  if (globals.includes("--help") || globals.includes("-h")) return await printed(terminal, help());
  const strange = globals.find((word) => word !== "--rebuild");
  if (strange !== undefined) throw strangeGlobal(strange);
  if (words.length === 0) {
    await terminal.err(help());
    return 2;
  }
  if (words[0] === "help") {
    return await printed(terminal, words.length > 1 ? helpOf(commands, words.slice(1)) : help());
  }
  return await route(commands, words, terminal.out);
}

/** The operation that a command line begins with; loaded, and no other. */
async function operationNamed(words: readonly string[]): Promise<Operation | undefined> {
  const command = Object.keys(catalogue).find((name) => name.split(" ").every((word, i) => words[i] === word));
  return command === undefined ? undefined : await catalogue[command]!();
}

async function printed(terminal: Terminal, text: string): Promise<number> {
  await terminal.out(text);
  return 0;
}

function strangeGlobal(word: string): UserError {
  const meant = nearest(word, ["--rebuild", "--version", "--help"]);
  return new UserError("usage", `unknown option '${word}'`, {
    hint: meant ? `did you mean ${meant}?` : "the options of a command go behind it; see: kioku-mesh --help",
  });
}

function commandsOf(
  operations: readonly Operation[],
  program: Program,
  terminal: Terminal,
  rebuild: boolean,
): Command[] {
  return [
    ...operations.map((op) => ({
      ...op,
      help: () => operationHelp(op),
      run: (args: string[]) => runOperation(op, args, program, terminal, rebuild),
    })),
    {
      command: "mcp serve",
      group: "host",
      summary: "Serve an agent on standard input and output. Agents start this themselves.",
      help: () => "Usage: kioku-mesh mcp serve\n",
      run: async (args) => {
        if (args.length > 0) throw new UserError("usage", `mcp serve takes no arguments, got '${args[0]}'`);
        return await program.serve();
      },
    },
  ];
}

async function runOperation(op: Operation, args: string[], program: Program, terminal: Terminal, rebuild: boolean) {
  const { raw, json, nameOf } = await readFlags(op, args, {
    text: () => readText(terminal.read),
    secret: async (prompt) => (await terminal.askSecret(prompt)) ?? (await readText(terminal.read)).trim(),
  });
  const said: Promise<void>[] = [];
  const progress = openProgress((line) => void said.push(terminal.draw(line)));
  let isPrinted = false;
  const { context, close } = program.open({
    rebuild,
    brief: op.effect === "read",
    note(line) {
      progress.clear();
      said.push(terminal.err(`${json ? JSON.stringify({ note: line }) : line}\n`));
    },
    say: (line) => terminal.out(`${line}\n`),
    print(text) {
      isPrinted = true;
      return text === "" ? Promise.resolve() : terminal.out(text);
    },
    ...(!json && { progress: progress.show }),
    input: terminal.stream,
    event: async () => new TextDecoder().decode(await terminal.peek(isEvent, eventPatience)),
    ask: terminal.ask,
    confirm: (question) => confirm(terminal, question),
  });
  try {
    if (rebuild && context.settings().backend === "zenoh") await readMesh(context);
    const { output, input } = await invoke(op, context, raw, nameOf).finally(progress.clear);
    const text = json ? payloadJson(output) : op.text(output as never, input as never, "cli");
    await Promise.all(said);
    if (text !== "") await (isPrinted ? terminal.err : terminal.out)(`${text}\n`);
    return op.status?.(output as never) ?? 0;
  } finally {
    close();
  }
}

/** Milliseconds to wait for what an agent tells its hook. It writes at once, and may leave the pipe open. */
const eventPatience = 25;
const longestEvent = 64 * 1024;

function isEvent(bytes: Uint8Array): boolean {
  return bytes.length >= longestEvent || parseObject(new TextDecoder().decode(bytes)) !== undefined;
}

/** In a mesh, `--rebuild` also takes what the routers keep. Where nobody answers the command goes on with what is here. */
async function readMesh({ mesh, note }: Context): Promise<void> {
  try {
    const { reached, moved } = (await (await mesh?.())?.synchronise(30_000, true)) ?? { reached: false, moved: 0 };
    note?.(
      reached ? `read the mesh: ${moved} records moved` : "the mesh could not be read: going on with what is here",
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    note?.(`the mesh could not be read: ${error.message}`);
  }
}

/** Only a typed `yes` is one. */
async function confirm(terminal: Terminal, question: string): Promise<boolean | undefined> {
  const answer = await terminal.ask(`${question} type 'yes' to confirm: `);
  return answer === "nobody" ? undefined : answer.line?.trim() === "yes";
}
