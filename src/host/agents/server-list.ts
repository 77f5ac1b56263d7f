import { UserError } from "../../core/errors.ts";
import type { Registration, Repair, ServerEntry } from "../../core/agent.ts";
import { editConfig, readConfig, textBefore } from "./config-file.ts";

/** How one kind of text is read and edited: toml-edit.ts, json-edit.ts. `path` leads to a server's entry. */
interface Format {
  name: string;
  withEntry(text: string, path: readonly string[], entry: ServerEntry): string;
  withoutEntry(text: string, path: readonly string[]): string;
  withRepair(text: string, path: readonly string[], repair: Repair): string;
  parse(text: string): unknown;
}

/** Where an agent keeps a list of servers. */
interface Place {
  scope: Registration["scope"];
  file: string;
  format: Format;
  /** Leads to the object whose keys are the servers' names. */
  path: readonly string[];
}

export type ServerList = ReturnType<typeof openServerList>;

/**
 * A list of servers in a file of an agent. Every edit is checked before the file is replaced: it must parse, have the
 * entry as wanted, and say the same as before in all else.
 */
export function openServerList(place: Place, now: () => Date) {
  const { scope, file, format } = place;
  const pathOf = (name: string) => [...place.path, name];

  function valueAt(path: readonly string[]): unknown {
    const text = readConfig(file);
    return text === undefined ? undefined : at(parsed(place, text), path);
  }

  function change(name: string, wanted: ServerEntry | undefined, edit: (text: string, path: string[]) => string) {
    return editConfig(file, now(), (text = "") => checked(place, name, text, edit, wanted));
  }

  return {
    scope,
    file,

    /** The servers that are started as a program; those at an address are left out. */
    registrations(): Registration[] {
      const list = valueAt(place.path);
      if (list === null || typeof list !== "object") return [];
      return Object.entries(list).flatMap(([name, value]) => {
        const entry = readEntry(value);
        return entry ? [{ name, scope, file, entry }] : [];
      });
    },

    /** True where there is an entry of this name, of whatever kind. */
    has: (name: string) => valueAt(pathOf(name)) !== undefined,

    /** Adds an entry, or replaces the one of this name. Gives the path of the backup, where there was a file. */
    write: (name: string, entry: ServerEntry) =>
      change(name, entry, (text, path) => format.withEntry(text, path, entry)),

    /** Changes what needs to change in an entry, so that it says `after`. */
    repair: (name: string, repair: Repair, after: ServerEntry) =>
      change(name, after, (text, path) => format.withRepair(text, path, repair)),

    /**
     * Removes an entry. Where nothing else has changed since it was added, the file is again byte for byte what it was
     * before, and gone where there was none.
     */
    remove(name: string) {
      return editConfig(file, now(), (text = "") => {
        const entry = readEntry(valueAt(pathOf(name)));
        const before = entry && textBefore(file, (was) => leadsTo(place, name, was, entry, text));
        if (before) return before.was;
        return checked(place, name, text, (from, path) => format.withoutEntry(from, path), undefined);
      });
    },
  };
}

/** True where adding the entry to `before` gives exactly `text`. */
function leadsTo({ format, path }: Place, name: string, before: string, entry: ServerEntry, text: string): boolean {
  try {
    const own = [...path, name];
    return at(format.parse(before), own) === undefined && format.withEntry(before, own, entry) === text;
  } catch {
    return false; // a backup that is no text of this format is no way back
  }
}

function checked(
  place: Place,
  name: string,
  text: string,
  edit: (text: string, path: string[]) => string,
  wanted: ServerEntry | undefined,
): string {
  const path = [...place.path, name];
  const before = without(parsed(place, text), path);
  const after = attempted(() => edit(text, path));
  const document = after === undefined ? undefined : attempted(() => place.format.parse(after));
  const right =
    Bun.deepEquals(readEntry(at(document, path)), wanted) && Bun.deepEquals(without(document, path), before);
  if (after !== undefined && document !== undefined && right) return after;
  throw new UserError("conflict", `${place.file} is written in a way that this program cannot edit`, {
    hint: `change ${path.join(".")} by hand; nothing was changed`,
  });
}

/** What `make` gives; undefined where it cannot: an edit that cannot be made, or a text that does not parse. */
function attempted<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined; // the caller refuses with the file's name
  }
}

function parsed({ file, format }: Place, text: string): unknown {
  try {
    return format.parse(text);
  } catch (cause) {
    const [why] = (cause as Error).message.split("\n");
    throw new UserError("conflict", `${file} is no valid ${format.name}: ${why}`, {
      hint: "correct it first; nothing was changed",
      exit: 1,
      cause,
    });
  }
}

/** What stands at a path of a document. */
function at(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => {
    const has = value !== null && typeof value === "object" && Object.hasOwn(value, name);
    return has ? Reflect.get(value as object, name) : undefined;
  }, document);
}

/** A document without what is at a path, and without the objects on the way that are empty then. */
function without(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return undefined;
  if (value === null || typeof value !== "object") return value;
  const { [name]: inner, ...others } = { ...value } as { [key: string]: unknown };
  const left = without(inner, rest);
  if (left !== undefined) return { ...others, [name]: left };
  return Object.keys(others).length > 0 ? others : undefined;
}

function readEntry(value: unknown): ServerEntry | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const { command, args = [], env = {} } = { ...value } as { [key: string]: unknown };
  if (typeof command !== "string" || !Array.isArray(args) || env === null || typeof env !== "object") return undefined;
  const variables = Object.entries(env).map(([key, text]) => [key, String(text)] as const);
  return { command, args: args.map(String), env: Object.fromEntries(variables) };
}
