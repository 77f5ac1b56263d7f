import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { scripts } from "../package.json";
import { cliFields } from "../src/cli/fields.ts";
import { loadOperations } from "../src/ops/index.ts";
import { testWith } from "./needs.ts";
import { anchorsOf, answerLike, readPage, root, stepsOf, type Step } from "./pages.ts";

const binary = process.env.KIOKU_BIN ?? join(root, "dist/kioku-mesh");
const pages = ["README.md", ...new Glob("docs/**/*.md").scanSync(root)].toSorted();

describe("pages and their Japanese twins", () => {
  const twins = pages.filter((page) => page.endsWith(".ja.md") || existsSync(join(root, page.replace(/md$/, "ja.md"))));
  for (const page of twins.filter((name) => !name.endsWith(".ja.md"))) {
    test(`${page} has the headings and commands of its twin`, async () => {
      const [english, japanese] = await Promise.all([readPage(page), readPage(page.replace(/md$/, "ja.md"))]);
      expect(japanese.headings).toEqual(english.headings);
      expect(japanese.blocks).toEqual(english.blocks);
    });
  }
});

test("every `bun run` that a page names is a script", async () => {
  for (const page of pages) {
    const named = [...(await Bun.file(join(root, page)).text()).matchAll(/bun run ([\w:]+)/g)].map(([, name]) => name!);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  }
});

describe("links", () => {
  for (const page of [...pages, "README.ja.md"]) {
    test(`of ${page} lead to files and headings that are there`, async () => {
      const local = (await readPage(page)).links.filter((link) => !/^(https?:|mailto:)/.test(link));
      const dead = [];
      for (const link of local) {
        const [file, anchor] = link.split("#");
        const target = file === "" ? page : join(dirname(page), file!);
        const found = existsSync(join(root, target));
        if (!found || (anchor !== undefined && !(await anchorsOf(target)).includes(anchor))) dead.push(link);
      }
      expect(dead).toEqual([]);
    });
  }
});

/** Wherever a page names a command, it and its flags have to be there. */
describe("commands that are named", async () => {
  const known = (await loadOperations()).toSorted((a, b) => b.command.length - a.command.length);
  /** What is no operation: the few other commands, a placeholder, and a text that only begins like one. */
  const others = /^(mcp serve|help|COMMAND)\b|^(--|\[)|^record v1$/;

  /** What is wrong with what stands behind `kioku-mesh`; `named` where it did. */
  function mistake(line: string, named: boolean): string | undefined {
    const op = known.find(({ command }) => `${line} `.startsWith(`${command} `));
    if (!op) return named && !others.test(line) ? `no command: ${line}` : undefined;
    const names = cliFields(op).flatMap(({ name, short, positional }) => [
      ...(positional ? [] : [`--${name}`]),
      ...(short ? [`-${short}`] : []),
    ]);
    const flags = line.split(" ").filter((word) => /^--?[a-z]/.test(word));
    const strange = flags.find((flag) => ![...names, "--json", "--help", "-h"].includes(flag.split("=")[0]!));
    return strange && `no flag ${strange}: ${line}`;
  }

  /** The command lines of a block, without what is quoted, piped into, or said by the program. */
  function commandsIn({ language, text }: { language: string; text: string }): string[] {
    if (language !== "sh" && language !== "console") return [];
    const typed = text.split("\n").filter((line) => language === "sh" || /^\w*[$>#] |^[\d@]/.test(line));
    return typed
      .map((line) => line.replaceAll(/"[^"$]*"|'[^']*'/g, "WORD"))
      .flatMap((line) => [...line.matchAll(/\bkioku-mesh(?: --rebuild)? ([a-z][^|)&#>]*)/g)])
      .map(([, behind]) => behind!.trim());
  }

  for (const page of [...pages.filter((name) => !name.startsWith("docs/decisions")), "README.ja.md"]) {
    test(`in ${page} exist, with their flags`, async () => {
      const { blocks, inlineCode } = await readPage(page);
      const mistakes = [
        ...blocks.flatMap(commandsIn).map((line) => mistake(line, true)),
        ...inlineCode.map((code) => {
          const named = /^kioku-mesh(?: --rebuild)? (.+)$/.exec(code)?.[1];
          return mistake(named ?? code, named !== undefined);
        }),
      ];
      expect(mistakes.filter((one) => one !== undefined)).toEqual([]);
    });
  }
});

test("what the table of troubles quotes is what the program says", async () => {
  const files = [...new Glob("src/**/*.ts").scanSync(root)];
  const program = (await Promise.all(files.map((file) => Bun.file(join(root, file)).text()))).join("\n");
  const { tables } = await readPage("docs/troubleshooting.md");
  const quoted = tables.flatMap(([seen]) => [...seen!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
  const ours = quoted.filter((code) => !/^(nc |exceeding delta )/.test(code)); // other programs'
  expect(ours.length).toBeGreaterThan(10);
  const parts = ours.flatMap((code) => code.split(/…|\d+/)).map((part) => part.trim());
  expect(parts.filter((part) => !program.includes(part))).toEqual([]);
});

/** A home in which the program is installed and nothing else has happened. */
function freshHome() {
  const home = mkdtempSync(join(tmpdir(), "kioku-docs-"));
  mkdirSync(join(home, "bin"));
  symlinkSync(binary, join(home, "bin/kioku-mesh"));
  symlinkSync(binary, join(home, "bin/kioku-mesh-mcp"));
  return {
    home,
    async run(script: string) {
      const folders = [join(home, "bin"), process.env.KIOKU_AGENTS, process.env.PATH].filter(Boolean);
      const env = { HOME: home, PATH: folders.join(":") };
      const child = Bun.spawn(["sh", "-e", "-c", script], { cwd: home, env, stdin: "ignore", stderr: "pipe" });
      const [out, err] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
      return { out: out!, err: err!, status: await child.exited };
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}

/**
 * Blocks marked `sh` are run, in order, in a home of their own. Those marked `console` show answers too, or need more: agents
 * (run here where these are), a mesh (tests/mesh/guide.test.ts), a model, root or Windows (only read, above).
 */
describe("commands", () => {
  for (const page of pages.filter((name) => name.startsWith("docs/") && !name.endsWith(".ja.md"))) {
    // The commands of contributing run this suite; those of the reference are examples, with ids that are not here.
    if (page.startsWith("docs/decisions") || page === "docs/contributing.md" || page === "docs/reference.md") continue;
    test(`of ${page} work as they stand`, async () => {
      const script = (await readPage(page)).blocks.filter(({ language }) => language === "sh").map(({ text }) => text);
      using fresh = freshHome();
      const { err, status } = await fresh.run(script.join("\n"));
      expect({ err: status === 0 ? "" : err, status }).toEqual({ err: "", status: 0 });
    });
  }

  /** Runs commands in one home, and compares what they print with what the page shows. */
  async function follow(steps: readonly Step[]): Promise<void> {
    using fresh = freshHome();
    for (const { command, shown } of steps) {
      const { out, err, status } = await fresh.run(command);
      expect({ command, err: status === 0 ? "" : err }).toEqual({ command, err: "" });
      expect(out).toMatch(answerLike(shown));
    }
  }

  const ofAgents = /^(kioku-mesh mcp|claude mcp|codex mcp) /;

  test("of the README's sixty seconds print what it shows", async () => {
    const [steps] = await consoleBlocks("README.md");
    const alone = steps!.filter(({ command }) => !ofAgents.test(command));
    expect(alone).toHaveLength(3);
    await follow(alone);
  });

  for (const page of ["README.md", "docs/mcp-clients.md", "docs/multi-agent.md"]) {
    testWith("the agents' programs")(
      `of ${page} do with the agents' own programs what it shows`,
      async () => {
        const blocks = (await consoleBlocks(page)).map((steps) =>
          steps.filter(({ command }) => ofAgents.test(command)),
        );
        expect(blocks.flat()).not.toBeEmpty();
        for (const steps of blocks) await follow(steps); // each for itself: they are alternatives
      },
      60_000,
    );
  }
});

async function consoleBlocks(page: string): Promise<Step[][]> {
  const { blocks } = await readPage(page);
  return blocks.filter(({ language }) => language === "console").map(({ text }) => stepsOf(text));
}
