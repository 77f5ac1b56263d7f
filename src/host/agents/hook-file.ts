import { UserError } from "../../core/errors.ts";
import { editConfig, readConfig, textBefore } from "./config-file.ts";
import { parse, withItem, withoutEntry } from "./json-edit.ts";

export type HookFile = ReturnType<typeof openHookFile>;

const path = ["hooks", "SessionStart"];

/** Seconds that an agent waits for the hook before it goes on without. */
const timeout = 10;

/** The session-start hooks in a settings file, which Claude Code and Codex write alike. */
export function openHookFile(file: string, now: () => Date) {
  function edit(change: (text: string) => string | undefined): string | undefined {
    return editConfig(file, now(), (text = "") => {
      const before = foreign(parsed(file, text));
      let cause: unknown;
      try {
        const after = change(text);
        if (Bun.deepEquals(foreign(parsed(file, after ?? "")), before)) return after;
      } catch (error) {
        cause = error; // what stands in the way of the edit
      }
      throw new UserError("conflict", `${file} is written in a way that this program cannot edit`, {
        hint: "change its hooks by hand; nothing was changed",
        cause,
      });
    });
  }

  return {
    file,

    /** The command lines with which a session's start calls us. */
    commands: () => ours(parsed(file, readConfig(file) ?? "")).map(({ command }) => command),

    /** Has this command line called, once, and no other of ours. Gives the path of the backup, where there was a file. */
    add: (command: string) =>
      edit((text) => {
        const there = ours(parsed(file, text)).map((own) => own.command);
        if (there.length === 1 && there[0] === command) return text;
        return withItem(cleared(file, text), path, group(command));
      }),

    /** Takes our calls out; where nothing else has changed since they came in, the file is what it was before. */
    remove: () =>
      edit((text) => {
        const [own] = ours(parsed(file, text));
        const before = own && textBefore(file, (was) => leadsTo(was, own.command, text));
        return before ? before.was : cleared(file, text);
      }),
  };
}

function group(command: string): object {
  return { hooks: [{ type: "command", command, timeout }] };
}

function leadsTo(was: string, command: string, text: string): boolean {
  try {
    return ours(parse(was)).length === 0 && withItem(was, path, group(command)) === text;
  } catch {
    return false; // a backup that is no JSON is no way back
  }
}

/** The text without our calls, without the groups that held nothing else, and without the lists that are empty then. */
function cleared(file: string, text: string): string {
  let edited = text;
  for (const [group, { hooks }] of [...groupsIn(parsed(file, text)).entries()].toReversed()) {
    const own = [...hooks.keys()].filter((hook) => isOurs(hooks[hook]));
    if (own.length === 0) continue;
    const paths = own.length === hooks.length ? [[...path, group]] : own.map((hook) => [...path, group, "hooks", hook]);
    for (const removed of paths.toReversed()) edited = withoutEntry(edited, removed);
  }
  if (edited === text) return text;
  if (groupsIn(parse(edited)).length === 0) edited = withoutEntry(edited, path);
  const { hooks } = parse(edited) as { hooks?: object };
  return hooks && Object.keys(hooks).length === 0 ? withoutEntry(edited, ["hooks"]) : edited;
}

interface Group {
  hooks: unknown[];
}

/** The groups of hooks that a session's start calls; what has another form is kept in its place as an empty one. */
function groupsIn(document: unknown): Group[] {
  const { SessionStart } = { ...(document as { hooks?: { SessionStart?: unknown } }).hooks };
  if (!Array.isArray(SessionStart)) return [];
  return SessionStart.map((item) => ({ hooks: Array.isArray(item?.hooks) ? item.hooks : [] }));
}

function ours(document: unknown): { group: number; hook: number; command: string }[] {
  return groupsIn(document).flatMap(({ hooks }, group) =>
    hooks.flatMap((item, hook) => (isOurs(item) ? [{ group, hook, command: item.command }] : [])),
  );
}

function isOurs(hook: unknown): hook is { command: string } {
  const { command } = { ...(hook as { command?: unknown } | null) };
  return typeof command === "string" && /\bkioku-mesh(\.exe)?["']?\s+hook\s+session-start\b/.test(command);
}

/** All that a document says beside our hooks. */
function foreign(document: unknown): unknown {
  const { hooks, ...rest } = { ...(document as { hooks?: { SessionStart?: unknown } }) };
  const { SessionStart, ...events } = { ...hooks };
  const groups = Array.isArray(SessionStart) ? SessionStart : [];
  const others = groups
    .map((item) =>
      Array.isArray(item?.hooks) ? { ...item, hooks: item.hooks.filter((hook: unknown) => !isOurs(hook)) } : item,
    )
    .filter((item) => item?.hooks?.length !== 0);
  return { ...rest, events, others };
}

function parsed(file: string, text: string): unknown {
  try {
    const document = parse(text);
    if (document !== null && typeof document === "object" && !Array.isArray(document)) return document;
    throw new SyntaxError("it holds no object");
  } catch (cause) {
    throw new UserError("conflict", `${file} is no valid JSON: ${(cause as Error).message}`, {
      hint: "correct it first; nothing was changed",
      exit: 1,
      cause,
    });
  }
}
