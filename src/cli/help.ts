import { groups, type Operation } from "../ops/operation.ts";
import { exitStatuses } from "./failure.ts";
import { cliFields, shownName, type CliField } from "./fields.ts";

/** What help shows of a command. */
export interface CommandSummary {
  command: string;
  group: keyof typeof groups;
  summary: string;
}

const width = 80;
const widestTerm = 24;

/** The first page: every command under its heading. */
export function rootHelp(version: string, commands: readonly CommandSummary[]): string {
  const sections = Object.entries(groups).map(([group, title]) => {
    const members = commands.filter((command) => command.group === group);
    return members.length > 0 && section(title, rows(members.map(({ command, summary }) => [command, summary])));
  });
  return page(
    `kioku-mesh ${version}: persistent memory for AI coding agents.`,
    "Usage: kioku-mesh [--rebuild] COMMAND ...",
    ...sections,
    section(
      "Options",
      rows([
        ["--rebuild", "Make the search tables anew first."],
        ["--version", "Print the version."],
        ["-h, --help", "Print this help."],
      ]),
    ),
    section("Exit status", rows(exitStatuses)),
    "`kioku-mesh help COMMAND` says more of one.",
  );
}

/** The page of several commands with one first word. */
export function groupHelp(name: string, commands: readonly CommandSummary[]): string {
  return page(
    `Usage: kioku-mesh ${name} COMMAND ...`,
    section("Commands", rows(commands.map(({ command, summary }) => [command, summary]))),
  );
}

/** The page of one operation: everything its definition says. */
export function operationHelp(op: Operation): string {
  const fields = cliFields(op);
  const places = fields.filter((field) => field.positional);
  const options = fields.filter((field) => !field.positional);
  return page(
    op.summary,
    `Usage: ${usageLine(op)}`,
    places.length > 0 && section("Arguments", rows(places.map((field) => [shownName(field), meaning(field)]))),
    section(
      "Options",
      rows([
        ...options.map((field): [string, string] => [term(field), meaning(field)]),
        ["    --json", "Print the answer as one line of JSON, and errors as JSON too."],
        ["-h, --help", "Print this help."],
      ]),
    ),
    op.examples.length > 0 && section("Examples", op.examples.map((example) => `  kioku-mesh ${example}`).join("\n")),
    op.exits && section("Exit status", rows(Object.entries(op.exits))),
  );
}

/** A command and its arguments on one line. */
export function usageLine(op: Operation): string {
  const places = cliFields(op).filter((field) => field.positional);
  const words = places.map((field) => (field.required ? shownName(field) : `[${shownName(field)}]`));
  return ["kioku-mesh", op.command, ...words, "[OPTIONS]"].join(" ");
}

/** An option as it is typed: `-p, --project NAME`. */
export function term(field: CliField): string {
  const value = field.type === "boolean" ? "" : ` ${field.metavar}`;
  return `${field.short ? `-${field.short}, ` : "    "}${shownName(field)}${value}`;
}

/** What an input means, which values it takes, and what it is without being given. */
export function meaning({ description, choices, fallback, stdin }: CliField): string {
  const silent = fallback === undefined || fallback === "" || typeof fallback === "boolean" || Array.isArray(fallback);
  return [
    description,
    stdin && "`-` reads it from standard input.",
    choices && `One of ${choices.join(", ")}.`,
    !silent && `Default: ${String(fallback)}.`,
  ]
    .filter(Boolean)
    .join(" ");
}

function page(...parts: (string | false | undefined)[]): string {
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

function section(title: string, body: string): string {
  return `${title}\n${body}`;
}

/** Two columns; a term too wide for its column stands on a line of its own. */
function rows(entries: readonly (readonly [term: string, text: string])[]): string {
  const column = Math.min(widestTerm, Math.max(...entries.map(([name]) => name.length)));
  const indent = " ".repeat(2 + column + 2);
  return entries
    .map(([name, text]) => {
      const lines = wrap(text, width - indent.length);
      const head =
        name.length > column ? [`  ${name}`] : [`  ${name.padEnd(column)}  ${lines.shift() ?? ""}`.trimEnd()];
      return [...head, ...lines.map((line) => indent + line)].join("\n");
    })
    .join("\n");
}

/** The words of a text in lines of at most so many columns. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
