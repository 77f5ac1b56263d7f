import { timestamp } from "../core/time.ts";
import type { Context } from "../ops/context.ts";
import { oneLine } from "../ops/frame.ts";
import { cutText } from "../ops/page.ts";
import type { Operation } from "../ops/operation.ts";
import { cliFields, shownName, type CliField } from "./fields.ts";
import type { CommandSummary } from "./help.ts";

/** A word that could stand where the cursor is. */
export interface Candidate {
  value: string;
  description: string;
}

/** The candidates, or what the shell completes by itself. */
export type Completion = readonly Candidate[] | "files";

type Memory = Pick<Context, "glance" | "now">;

const globals: Candidate[] = [
  { value: "--rebuild", description: "Make the search tables anew first." },
  { value: "--version", description: "Print the version." },
  { value: "--help", description: "Print help." },
];
const everywhere: Candidate[] = [
  { value: "--json", description: "Print the answer as JSON." },
  { value: "--help", description: "Print help." },
];

/**
 * What could stand in the place of the last of these words (behind the program's name), which may be empty. Flags that
 * are there already are not offered again, unless they may be repeated.
 */
export function complete(
  words: readonly string[],
  commands: readonly CommandSummary[],
  operations: readonly Operation[],
  memory: Memory,
): Completion {
  const start = words.findIndex((word) => !globals.some(({ value }) => value === word));
  const own = start < 0 ? [] : words.slice(start);
  const current = own.at(-1) ?? "";
  if (own.length <= 1 && current.startsWith("-")) return beginning(globals, current);
  const line = own[0] === "help" ? own.slice(1) : own;
  const op = own === line && operations.find(({ command }) => startsWith(line.slice(0, -1), command));
  if (op) return completeArguments(op, line.slice(op.command.split(" ").length), memory);
  return beginning(nextWords(own === line ? withHelp(commands) : commands, line.slice(0, -1)), current);
}

function withHelp(commands: readonly CommandSummary[]): CommandSummary[] {
  return [...commands, { command: "help", group: "host", summary: "Say more of a command." }];
}

function startsWith(words: readonly string[], command: string): boolean {
  return command.split(" ").every((word, i) => words[i] === word);
}

/** The words with which commands go on after some. A group of several says which they are. */
function nextWords(commands: readonly CommandSummary[], before: readonly string[]): Candidate[] {
  const members = commands.map(({ command, summary }) => ({ words: command.split(" "), summary }));
  const under = members.filter(
    ({ words }) => words.length > before.length && before.every((word, i) => words[i] === word),
  );
  return Array.from(
    Map.groupBy(under, ({ words }) => words[before.length]!),
    ([value, group]) => {
      const leads = group.length === 1 && group[0]!.words.length === before.length + 1;
      const rest = group.map(({ words }) => words.slice(before.length + 1).join(" "));
      return { value, description: leads ? group[0]!.summary : rest.join(", ") };
    },
  );
}

/** What could stand behind a command, whose own words are left out here. */
function completeArguments(op: Operation, words: readonly string[], memory: Memory): Completion {
  const fields = cliFields(op);
  const flags = fields.filter((field) => !field.positional);
  const current = words.at(-1) ?? "";
  const { waiting, used, places, ended } = read(words.slice(0, -1), flags);
  if (waiting) return valuesOf(waiting, current, "", memory);
  const assigned = ended ? undefined : /^(--[a-z-]+)=(.*)$/s.exec(current);
  if (assigned) {
    const field = flags.find((candidate) => shownName(candidate) === assigned[1] && candidate.type !== "boolean");
    return field ? valuesOf(field, assigned[2]!, `${assigned[1]}=`, memory) : [];
  }
  if (!ended && current.startsWith("-")) {
    const left = flags.filter((field) => field.type === "list" || !used.has(field.name));
    const offered = left.map((field) => ({ value: shownName(field), description: field.description }));
    return beginning([...offered, ...everywhere.filter(({ value }) => !used.has(value.slice(2)))], current);
  }
  const place = fields.filter((field) => field.positional)[places];
  return place ? valuesOf(place, current, "", memory) : [];
}

/** What the words before the cursor say: the flag that waits for its value, the flags given, how many other words. */
function read(words: readonly string[], flags: readonly CliField[]) {
  const used = new Set<string>();
  let [places, ended, waiting]: [number, boolean, CliField | undefined] = [0, false, undefined];
  for (const word of words) {
    const [, long, short, assigned] = /^(?:--(?:no-)?([a-z][a-z-]*)|-([a-z]))(=.*)?$/s.exec(word) ?? [];
    const field = flags.find(({ name, short: letter }) => name === long || (letter !== undefined && letter === short));
    if (waiting) waiting = undefined;
    else if (ended || !word.startsWith("-") || word === "-") places++;
    else if (word === "--") ended = true;
    else {
      used.add(field?.name ?? long ?? "");
      if (field && field.type !== "boolean" && assigned === undefined) waiting = field;
    }
  }
  return { waiting, used, places, ended };
}

/** The values a field could have, behind what is typed of it: `lead` for all, and the items of a list before the last. */
function valuesOf(field: CliField, typed: string, lead: string, memory: Memory): Completion {
  if (/^(PATH|FILE|DIRECTORY)$/.test(field.metavar)) return "files";
  const items = field.commas ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
  const last = typed.slice(items.length);
  const choices = field.choices?.map((value) => ({ value, description: "" }));
  const found = choices ?? remembered(field.key, last, memory);
  return beginning(found, last).map(({ value, description }) => ({ value: lead + items + value, description }));
}

const most = 50;

/** Values that the memory holds, for the fields whose names say what they are. */
function remembered(key: string, typed: string, { glance, now }: Memory): Candidate[] {
  const look = glance();
  if (!look) return [];
  const at = timestamp(now());
  if (/^(observation_ids?|force_id|supersedes)$/.test(key)) {
    return look.titles(typed.toLowerCase(), at, most).map(({ id, title }) => ({ value: id, description: title }));
  }
  const column = /(^|_)(project|pc_id|agent_family|client_id|session_id)$/.exec(key)?.[2];
  if (column === undefined) return [];
  const here = column === "project" ? [{ value: ".", description: "The repository one is in." }] : [];
  const values = look.values(column as Parameters<typeof look.values>[0], at, most);
  return [...values.map((value) => ({ value, description: "" })), ...here];
}

/** The candidates that begin with what is typed, fit for a terminal: others wrote some of them, and could mean harm. */
function beginning(candidates: readonly Candidate[], typed: string): Candidate[] {
  return candidates
    .filter(({ value }) => value.startsWith(typed) && !unprintable.test(value))
    .map(({ value, description }) => ({ value, description: cutText(printable(description), 72) }));
}

/** Control characters, and those that turn the direction of text. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

function printable(text: string): string {
  return oneLine(text).replaceAll(new RegExp(unprintable, "gu"), "").trim();
}

/** What the shells' scripts read: a line for each candidate, value and description with a tab between, or `:files`. */
export function completionText(completion: Completion): string {
  if (completion === "files") return ":files\n";
  return completion.map(({ value, description }) => `${value}\t${description}\n`).join("");
}
