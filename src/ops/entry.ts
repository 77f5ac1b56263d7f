import { z } from "zod";
import { parseObject } from "../core/json.ts";
import type { Found } from "../store/reader.ts";
import { oneLine } from "./frame.ts";
import { cutList, cutText } from "./page.ts";

/** An observation in an answer for scripts: the fields of its payload, unknown ones too, and its state. */
export const entrySchema = () =>
  z.looseObject({
    content: z.string(),
    agent_family: z.string(),
    client_id: z.string(),
    pc_id: z.string(),
    session_id: z.string(),
    project: z.string(),
    tags: z.array(z.string()),
    observation_id: z.string(),
    created_at: z.string(),
    memory_type: z.string(),
    importance: z.int(),
    subject: z.string(),
    summary: z.string(),
    source_files: z.array(z.string()),
    references: z.array(z.string()),
    supersedes: z.array(z.string()),
    visibility: z.string(),
    scope_id: z.string(),
    expires_at: z.string(),
    state: z.enum(["live", "tombstoned", "shadowed", "superseded", "expired"]),
  });
export type Entry = z.output<ReturnType<typeof entrySchema>>;

/** The entry of an observation found: what its payload has beside the known fields comes first, as it was received. */
export function entryOf({ observation, payload, state }: Found): Entry {
  return { ...parseObject(payload), ...observation, state };
}

/**
 * The two lines of a search entry, as the Python original prints them. For agents `origin` marks entries of other hosts, and
 * two lines it stays: what one entry says cannot pass for another of these.
 */
export function entryText(o: Entry, origin?: string): string {
  const head = `[${o.memory_type}][${o.importance}] ${o.created_at.slice(0, 19)}`;
  const project = o.project && ` (${o.project})`;
  const subject = o.subject && ` ${o.subject}`;
  const told = `${o.summary || prefix(o.content, 80)} <id=${o.observation_id}>`;
  const first = oneLine(`${head}${project}${subject}${referencesText(o)}${origin ?? ""}`);
  return `${first}\n${origin === undefined ? told : oneLine(told)}`;
}

/** One bullet of a Markdown list, as the Python original prints it. */
export function entryMarkdown(o: Entry): string {
  const content = prefix(o.content, 80) === o.content ? o.content : `${prefix(o.content, 80)}…`;
  const body = [o.subject, o.summary].filter(Boolean).join(" — ") || content;
  const project = o.project && ` (${o.project})`;
  const head = `- **[${o.memory_type}][${o.importance}]** ${o.created_at.slice(0, 16)}${project}`;
  return `${head} ${body}${referencesText(o)} <id=${o.observation_id}>`;
}

/** Where an entry comes from, seen from the host with this id. */
export function originOf(o: Entry, here: string): { client: string; host: "this pc" | "other pc" | "unknown pc" } {
  const host = o.pc_id === here ? "this pc" : o.pc_id === "" ? "unknown pc" : "other pc";
  return { client: o.client_id || "?", host };
}

/** The mark that a search entry from elsewhere bears. */
export function originMark(o: Entry, here: string): string {
  const { client, host } = originOf(o, here);
  return host === "this pc" ? "" : ` [origin: ${client}, ${host}]`;
}

/** The same entry with everything in it that can be long cut to so many characters. */
export function shortenEntry(o: Entry, characters: number): Entry {
  const texts = ["content", "agent_family", "client_id", "project", "subject", "summary"] as const;
  const lists = ["tags", "source_files", "references", "supersedes"] as const;
  return {
    ...o,
    ...Object.fromEntries(texts.map((key) => [key, cutText(o[key], characters)])),
    ...Object.fromEntries(lists.map((key) => [key, cutList(o[key], characters)])),
  };
}

function referencesText(o: Entry): string {
  return o.references.length ? ` (refs: ${o.references.join(", ")})` : "";
}

/** The first characters of a text, never half of one. */
function prefix(text: string, characters: number): string {
  return text.length <= characters
    ? text
    : Array.from(text.slice(0, 2 * characters))
        .slice(0, characters)
        .join("");
}
