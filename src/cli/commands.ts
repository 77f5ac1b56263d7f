import { defineCommand, runCommand, type CommandDef } from "citty";
import { UserError } from "../core/errors.ts";
import { groupHelp, type CommandSummary } from "./help.ts";
import { nearest } from "../core/nearest.ts";

/** A command: an operation at the terminal, or one of the few that exist only there. */
export interface Command extends CommandSummary {
  help(): string;
  /** Does it with the words behind it; gives the exit status. */
  run(args: string[]): Promise<number>;
}

/** Routes a command line (without global flags) to its command; gives the exit status. */
export async function route(commands: readonly Command[], words: string[], out: (text: string) => Promise<void>) {
  checkWords(commands, words);
  let status = 0;
  const tree = treeOf(commands, [], async ({ help, run }, args) => {
    if (asksForHelp(args)) await out(help());
    else status = await run(args);
  });
  const groupName = words[0]!;
  if (!commands.some(({ command }) => command === groupName) && asksForHelp(words.slice(1, 2))) {
    await out(groupHelp(groupName, membersOf(commands, groupName)));
  } else {
    await runCommand(tree, { rawArgs: words });
  }
  return status;
}

/** The page that `help COMMAND` prints. */
export function helpOf(commands: readonly Command[], words: string[]): string {
  const exact = commands.find(({ command }) => command === words.join(" "));
  const members = membersOf(commands, words.join(" "));
  if (!exact && members.length > 0) return groupHelp(words.join(" "), members);
  checkWords(commands, words);
  return exact?.help() ?? commands.find(({ command }) => startsWith(words, command))!.help();
}

/** True where `--help` is among the options. What stands behind `--` is text. */
function asksForHelp(args: string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).some((word) => word === "--help" || word === "-h");
}

/** citty routes; it knows no flags here, since it would let unknown ones pass (the operations read theirs strictly). */
function treeOf(
  commands: readonly Command[],
  path: string[],
  act: (command: Command, args: string[]) => Promise<void>,
): CommandDef {
  const below = commands.filter(({ command }) => startsWith(command.split(" "), path.join(" ")));
  const leaf = below.find(({ command }) => command === path.join(" "));
  if (leaf) return defineCommand({ run: ({ rawArgs }) => act(leaf, rawArgs) });
  const names = new Set(below.map(({ command }) => command.split(" ")[path.length]!));
  return defineCommand({
    subCommands: Object.fromEntries([...names].map((name) => [name, () => treeOf(below, [...path, name], act)])),
  });
}

function startsWith(words: string[], command: string): boolean {
  return command === "" || command.split(" ").every((word, i) => words[i] === word);
}

function membersOf(commands: readonly Command[], group: string): Command[] {
  return commands.filter(({ command }) => command.startsWith(`${group} `));
}

/** Refuses what names no command, before citty sees it: it would skip flags, and knows no nearest name. */
function checkWords(commands: readonly Command[], words: string[]): void {
  if (commands.some(({ command }) => startsWith(words, command))) return;
  const [first = "", second] = words;
  const members = membersOf(commands, first);
  if (members.length > 0 && second === undefined) {
    throw new UserError("usage", `${first} needs a subcommand`, {
      hint: `one of: ${members.map(({ command }) => command).join(", ")}`,
    });
  }
  if (members.length > 0 && asksForHelp([second!])) return;
  const wrong = members.length > 0 ? `${first} ${second}` : first;
  const meant = nearest(wrong, [...commands.map(({ command }) => command), "help"]);
  throw new UserError("usage", `unknown command '${wrong}'`, {
    hint: meant ? `did you mean ${meant}?` : "see: kioku-mesh --help",
  });
}
