import { z } from "zod";
import { surfaces } from "./operation.ts";

/** How much an answer may take in all, and whether a text stays within it. */
export interface Budget {
  bytes: number;
  fits(text: string): boolean;
}

/** The part of an answer that goes out. */
export interface Page {
  text: string;
  /** The offset at which the rest begins; absent where nothing was left out. */
  next?: number;
}

export const defaultBudget = 20_000;

/** The field of an operation whose answer a model reads. Below the least, a head, an id and a notice would not fit. */
export const budgetBytes = z
  .int()
  .min(2_000)
  .max(1_000_000)
  .default(defaultBudget)
  .describe("Most bytes to answer.")
  .register(surfaces, { cli: false, mcp: { clamp: true } });

/** The field that goes on where an answer was cut. */
export const offset = z
  .int()
  .min(0)
  .default(0)
  .describe("Results to skip.")
  .register(surfaces, { mcp: { clamp: true } });

/** How a list of entries becomes text, and how one of them becomes shorter. */
interface Listing<E> {
  entries: readonly E[];
  /** How many entries were skipped to get to these. */
  offset: number;
  /** The text of these entries, ended by a notice ("" for none). */
  render(entries: readonly E[], notice: string): string;
  /** The same entry with each of its texts and lists cut to so many characters. */
  shorten(entry: E, characters: number): E;
}

/** An entry of which less than this would be left is rather left out. In characters of each of its texts. */
const worthShowing = 200;

/**
 * Entries within a budget: the last ones are left out. The one at the cut is shortened where enough of it can be shown,
 * and always if it is the first, so that a long entry does not hide all others.
 */
export function pageOfEntries<E>({ entries, offset, render, shorten }: Listing<E>, budget: Budget): Page {
  // What is longer than the budget cannot go out whole: a first cut keeps the texts made here small.
  const candidates = entries.map((entry) => shorten(entry, budget.bytes));
  const whole = render(candidates, "");
  if (budget.fits(whole)) return { text: whole };

  function page(count: number, cut?: { characters: number }): Page {
    const shown = candidates.slice(0, count);
    if (cut) shown.push(shorten(entries[count]!, cut.characters));
    const next = shown.length < entries.length ? offset + shown.length : undefined;
    const what = `showing ${shown.length} of ${entries.length} result(s); output capped at ${budget.bytes} bytes`;
    const how = cut ? "; the last one is shortened, get_memory shows it in full" : "";
    const rest = next === undefined ? "" : `; for the rest call again with offset=${next}`;
    return { text: render(shown, `[truncated: ${what}${how}${rest}]`), ...(next !== undefined && { next }) };
  }

  const count = greatest(entries.length - 1, (n) => budget.fits(page(n).text));
  const characters = greatest(budget.bytes, (n) => budget.fits(page(count, { characters: n }).text));
  return count > 0 && characters < worthShowing ? page(count) : page(count, { characters });
}

/** A text within a budget, from an offset in characters (Unicode code points) on. Its pages make up the whole text. */
export function pageOfText(text: string, offset: number, id: string, budget: Budget): Page {
  const start = indexOfCharacter(text, offset);
  const head = offset === 0 ? "" : `[${id}, continued from character ${offset}]\n`;
  const whole = head + text.slice(start);
  if (budget.fits(whole)) return { text: whole };
  const total = offset + characters(text.slice(start));
  const page = (length: number) => {
    const part = text.slice(start, boundary(text, start + length));
    const next = offset + characters(part);
    const notice = `[truncated: characters ${offset} to ${next} of ${total}; output capped at ${budget.bytes} bytes; for the rest call again with offset=${next}]`;
    return { text: `${head}${part}\n${notice}`, next };
  };
  return page(greatest(budget.bytes, (length) => budget.fits(page(length).text)));
}

/** A text that has no pages within a budget: its end is left out. */
export function beginningOf(text: string, budget: Budget): Page {
  if (budget.fits(text)) return { text };
  const notice = `[truncated: output capped at ${budget.bytes} bytes; a larger budget_bytes shows more]`;
  const beginning = (length: number) => `${text.slice(0, boundary(text, length))}\n${notice}`;
  return { text: beginning(greatest(budget.bytes, (length) => budget.fits(beginning(length)))) };
}

/** The first characters of a text, and a mark where some are missing. */
export function cutText(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, boundary(text, most))}…`;
}

/** The first items of a list that make up so many characters, and a mark where some are missing. */
export function cutList(items: readonly string[], most: number): string[] {
  let left = most;
  const kept = items.filter((item) => (left -= item.length + 2) >= 0);
  return kept.length === items.length ? kept : [...kept, "…"];
}

/** The greatest number up to `most` for which `holds`, which holds for all below it too; 0 where it holds for none. */
export function greatest(most: number, holds: (n: number) => boolean): number {
  let [low, high] = [0, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** An index near this one that does not split a surrogate pair. */
function boundary(text: string, index: number): number {
  return index < text.length && (text.codePointAt(index - 1) ?? 0) > 0xffff ? index - 1 : index;
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function indexOfCharacter(text: string, offset: number): number {
  let index = 0;
  for (let n = 0; n < offset && index < text.length; n++) index += text.codePointAt(index)! > 0xffff ? 2 : 1;
  return index;
}
