import { defineCommand, renderUsage, type CommandDef } from "citty";
import { UserError } from "../core/errors.ts";
import type { Context } from "../ops/context.ts";
import { operations } from "../ops/index.ts";
import { invoke, type Operation } from "../ops/operation.ts";
import { failure } from "./failure.ts";
import { cittyArgs, readFlags } from "./flags.ts";
import { nearest } from "./nearest.ts";

export interface Terminal {
  out(text: string): Promise<void>;
  err(text: string): Promise<void>;
  stdin(): Promise<string>;
}

/** What the command line needs of the rest of the program. */
export interface Program {
  version: string;
  /** The context of this run; `rebuild` orders the search tables made anew first. */
  open(options: { rebuild: boolean }): Context;
  /** Serves an agent on stdio; gives the exit status. */
  serve(): Promise<number>;
}

/** Runs one command line and answers with its exit status. */
export async function run(argv: string[], program: Program, terminal: Terminal): Promise<number> {
  try {
    return await route(argv, program, terminal);
  } catch (error) {
    const { text, exitCode } = failure(error, argv.includes("--json"));
    await terminal.err(`${text}\n`);
    return exitCode;
  }
}

async function route(argv: string[], program: Program, terminal: Terminal): Promise<number> {
  const globals = argv.slice(0, argv.findIndex((word) => !word.startsWith("-")) >>> 0);
  const words = argv.slice(globals.length);
  if (globals.includes("--version")) {
    await terminal.out(`kioku-mesh ${program.version}\n`);
    return 0;
  }
  if (globals.includes("--help") || globals.includes("-h")) {
    await terminal.out(await usage(rootCommand(program)));
    return 0;
  }
  const strange = globals.find((word) => word !== "--rebuild");
  if (strange) throw new UserError("usage", `unknown option '${strange}'`, { hint: "see: kioku-mesh --help" });
  if (words.length === 0) {
    await terminal.err(await usage(rootCommand(program)));
    return 2;
  }
  if (words[0] === "mcp" && words[1] === "serve") return await program.serve();
  const op = operationFor(words);
  const args = words.slice(op.command.split(" ").length);
  if (args.includes("--help") || args.includes("-h")) {
    await terminal.out(await usage(commandFor(op), rootCommand(program)));
    return 0;
  }
  const { raw, json } = await readFlags(op, args, terminal.stdin);
  const { output, input } = await invoke(op, program.open({ rebuild: globals.includes("--rebuild") }), raw);
  const text = json ? JSON.stringify(output) : op.text(output as never, input as never, "cli");
  if (text !== "") await terminal.out(`${text}\n`);
  return op.status?.(output as never) ?? 0;
}

function operationFor(words: string[]): Operation {
  const found = operations.find((op) => op.command.split(" ").every((word, i) => words[i] === word));
  if (found) return found;
  const commands = operations.map((op) => op.command);
  const group = commands.filter((command) => command.startsWith(`${words[0]} `));
  const wrong = group.length && words[1] ? `${words[0]} ${words[1]}` : words[0]!;
  if (group.length && !words[1]) {
    throw new UserError("usage", `${words[0]} needs a subcommand`, { hint: `one of: ${group.join(", ")}` });
  }
  const meant = nearest(wrong, commands);
  throw new UserError("usage", `unknown command '${wrong}'`, {
    hint: meant ? `did you mean ${meant}?` : "see: kioku-mesh --help",
  });
}

function rootCommand({ version }: Program): CommandDef {
  const meta = { name: "kioku-mesh", version, description: "Persistent memory for AI coding agents." };
  return defineCommand({ meta, subCommands: Object.fromEntries(operations.map((op) => [op.command, commandFor(op)])) });
}

function commandFor(op: Operation): CommandDef {
  return defineCommand({ meta: { name: op.command, description: op.summary }, args: cittyArgs(op) }) as CommandDef;
}

/** citty colours help even in a pipe; plain text is right everywhere. */
async function usage(command: CommandDef, parent?: CommandDef): Promise<string> {
  return `${Bun.stripANSI(await renderUsage(command, parent)).trimEnd()}\n`;
}
