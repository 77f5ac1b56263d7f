import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "..");
const binary = process.env.KIOKU_BIN ?? join(root, "dist/kioku-mesh");
const pages = ["README.md", ...new Glob("docs/**/*.md").scanSync(root)].toSorted();

interface Page {
  /** How deep each heading is, in order. */
  headings: number[];
  /** Code blocks by their language. */
  blocks: { language: string; text: string }[];
  links: string[];
}

async function read(page: string): Promise<Page> {
  const text = await Bun.file(join(root, page)).text();
  const blocks = [...text.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)].map(([, language, body]) => ({
    language: language!,
    text: body!.replace(/^ {2}/gm, ""),
  }));
  const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, "");
  return {
    headings: [...prose.matchAll(/^(#+) /gm)].map(([, marks]) => marks!.length),
    blocks,
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!),
  };
}

describe("pages and their Japanese twins", () => {
  const twins = pages.filter((page) => page.endsWith(".ja.md") || existsSync(join(root, page.replace(/md$/, "ja.md"))));
  for (const page of twins.filter((name) => !name.endsWith(".ja.md"))) {
    test(`${page} has the headings and commands of its twin`, async () => {
      const [english, japanese] = await Promise.all([read(page), read(page.replace(/md$/, "ja.md"))]);
      expect(japanese.headings).toEqual(english.headings);
      expect(japanese.blocks).toEqual(english.blocks);
    });
  }
});

describe("links", () => {
  for (const page of [...pages, "README.ja.md"]) {
    test(`of ${page} lead to files that are there`, async () => {
      const local = (await read(page)).links.filter((link) => !/^(https?:|#|mailto:)/.test(link));
      const dead = local.filter((link) => !existsSync(join(root, dirname(page), link.split("#")[0]!)));
      expect(dead).toEqual([]);
    });
  }
});

/** Blocks marked `sh` are run, in order, in a home of their own; `console` shows what is not. */
describe("commands", () => {
  for (const page of pages.filter((name) => name.startsWith("docs/") && !name.endsWith(".ja.md"))) {
    if (page.startsWith("docs/decisions") || page === "docs/contributing.md" || page === "docs/reference.md") continue;
    test(`of ${page} work as they stand`, async () => {
      const script = (await read(page)).blocks.filter(({ language }) => language === "sh").map(({ text }) => text);
      const home = mkdtempSync(join(tmpdir(), "kioku-docs-"));
      try {
        mkdirSync(join(home, "bin"));
        symlinkSync(binary, join(home, "bin/kioku-mesh"));
        symlinkSync(binary, join(home, "bin/kioku-mesh-mcp"));
        const env = { HOME: home, PATH: `${join(home, "bin")}:${process.env.PATH}` };
        const child = Bun.spawn(["sh", "-e", "-c", script.join("\n")], {
          cwd: home,
          env,
          stdin: "ignore",
          stderr: "pipe",
        });
        const err = await new Response(child.stderr).text();
        expect({ err: (await child.exited) === 0 ? "" : err, status: child.exitCode }).toEqual({ err: "", status: 0 });
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    });
  }
});
