import { join } from "node:path";

export const root = join(import.meta.dir, "..");

interface Page {
  /** How deep each heading is, in order. */
  headings: number[];
  /** Code blocks by their language. */
  blocks: { language: string; text: string }[];
  links: string[];
  /** The rows of its tables. */
  tables: string[][];
  /** What stands between single backticks. */
  inlineCode: string[];
}

export async function readPage(page: string): Promise<Page> {
  const text = await Bun.file(join(root, page)).text();
  const blocks = [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm)].map(([, indent, language, body]) => ({
    language: language!,
    text: body!.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
  return {
    headings: [...prose.matchAll(/^(#+) /gm)].map(([, marks]) => marks!.length),
    blocks,
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!),
    tables: [...prose.matchAll(/^\| (.+) \|$/gm)].map(([, row]) => row!.split(" | ")),
    inlineCode: [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll(/\s+/g, " ")),
  };
}

/** The anchors that a page's headings have. */
export async function anchorsOf(page: string): Promise<string[]> {
  const text = (await Bun.file(join(root, page)).text()).replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** A command of a `console` block, on the host before its prompt (`laptop$`), and what the page shows of its answer. */
export interface Step {
  host: string;
  command: string;
  shown: string[];
}

export function stepsOf(block: string): Step[] {
  const steps: Step[] = [];
  for (const line of block.trimEnd().split("\n")) {
    const [, host, command] = /^(\w*)\$ (.+)$/.exec(line) ?? [];
    if (command !== undefined) steps.push({ host: host!, command, shown: [] });
    else steps.at(-1)?.shown.push(line);
  }
  return steps;
}

/**
 * What a command must print for a page to be right: its lines in order, others may stand between. `…` stands for anything;
 * ids and times are those of the day on which the page was written.
 */
export function answerLike(shown: readonly string[]): RegExp {
  const lines = shown.map((line) =>
    line
      .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\bID\b|[0-9a-f]{32}/g, "[0-9a-f]{32}")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g, String.raw`[\dT:-]{19}`)
      .replaceAll("~", ".*")
      .replaceAll("…", ".*"),
  );
  return new RegExp(lines.map((line) => `^${line}\n`).join("(?:.*\n)*"), "m");
}
