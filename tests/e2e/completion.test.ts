/** The completion scripts in the shells they are for, typed at a terminal as a person would. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, hostTarget } from "../../build/compile.ts";
import { testWith } from "../needs.ts";

const work = mkdtempSync(join(tmpdir(), "kioku-completion-"));
const home = join(work, "home");
const trap = join(work, "trap");
const env = {
  HOME: home,
  PATH: `${join(work, "bin")}:/usr/local/bin:/usr/bin:/bin`,
  LC_ALL: "C.UTF-8",
  TERM: "dumb",
  INPUTRC: "/dev/null",
};
let id: string;

/** Names that mean something to shells, and one that means harm. */
const projects = [
  "plain",
  "my project",
  "it's",
  `$(touch ${trap})`,
  "semi;colon",
  "日本語",
  "with:colon",
  "eq=ual",
  "~tilde",
  "back\\slash",
];

beforeAll(async () => {
  const binary = await compile(hostTarget(), join(work, "built"));
  mkdirSync(join(work, "bin"));
  mkdirSync(home);
  symlinkSync(binary, join(work, "bin/kioku-mesh"));
  const save = (...argv: string[]) => Bun.spawnSync([binary, "save", "x", ...argv], { env }).stdout.toString();
  for (const project of projects) save(`--project=${project}`);
  id = save("--subject", "the only one with a subject").trim().slice("saved: ".length);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Shell {
  command: string[];
  /** Loads the script, and makes ^T print the line as it stands. */
  setup: string;
}
const shells: { [name in "bash" | "zsh"]: Shell } = {
  bash: {
    command: ["bash", "--norc", "--noprofile", "-i"],
    setup: `eval "$(kioku-mesh completion bash)"; bind -x '"\\C-t": printf "<<%s>>" "$READLINE_LINE"'`,
  },
  zsh: {
    command: ["zsh", "-f", "-i"],
    setup: `autoload -Uz compinit; compinit -u -D; eval "$(kioku-mesh completion zsh)"
      show() { print -rn -- "<<$BUFFER>>" }; zle -N show; bindkey '^T' show`,
  },
};

/** A shell at a terminal; `complete` types a line and a tab, and gives what the line is then. */
async function interactive({ command, setup }: Shell) {
  let screen = "";
  const decoder = new TextDecoder();
  const more = { resolve: () => {} };
  const shell = Bun.spawn(command, {
    env,
    cwd: work,
    terminal: {
      cols: 200,
      rows: 50,
      data(_terminal, bytes) {
        screen += decoder.decode(bytes, { stream: true });
        more.resolve();
      },
    },
  });
  const terminal = shell.terminal!;

  async function until(pattern: RegExp): Promise<string> {
    const late = setTimeout(() => terminal.close(), 20_000);
    for (;;) {
      const match = pattern.exec(screen);
      if (match) {
        clearTimeout(late);
        screen = screen.slice(match.index + match[0].length);
        return match[1]!;
      }
      if (terminal.closed) throw new Error(`the shell did not show ${pattern}, but:\n${screen}`);
      await new Promise<void>((resolve) => (more.resolve = resolve));
    }
  }

  terminal.write(`${setup.replaceAll("\n", ";")}; echo "(read""y)"\n`);
  await until(/\((ready)\)\r?\n/);
  return {
    async complete(line: string): Promise<string> {
      terminal.write(`${line}\t\x14`);
      const completed = await until(/<<([^]*?)>>/);
      terminal.write("\x15");
      return completed;
    },
    /** What is listed where several words could stand. */
    async list(line: string, pattern: RegExp): Promise<string> {
      terminal.write(`${line}\t\t`);
      const shown = await until(pattern);
      terminal.write("\x15");
      return shown;
    },
    async [Symbol.asyncDispose]() {
      shell.kill("SIGKILL");
      await shell.exited;
      terminal.close();
    },
  };
}

const lines: { [typed: string]: string } = {
  "kioku-mesh stat": "kioku-mesh status ",
  "kioku-mesh mcp ins": "kioku-mesh mcp install ",
  "kioku-mesh save x --visib": "kioku-mesh save x --visibility ",
  "kioku-mesh save x --visibility us": "kioku-mesh save x --visibility user ",
  "kioku-mesh save x --visibility=us": "kioku-mesh save x --visibility=user ",
  "kioku-mesh recall-context --memory-types bug,dec": "kioku-mesh recall-context --memory-types bug,decision ",
  "kioku-mesh search -p pl": "kioku-mesh search -p plain ",
  "kioku-mesh search --project=pl": "kioku-mesh search --project=plain ",
  "kioku-mesh search -p my": "kioku-mesh search -p my\\ project ",
  "kioku-mesh search -p my\\ p": "kioku-mesh search -p my\\ project ",
  "kioku-mesh search --project=my\\ p": "kioku-mesh search --project=my\\ project ",
  "kioku-mesh search -p 'my p": "kioku-mesh search -p 'my project' ",
  'kioku-mesh search -p "my p': 'kioku-mesh search -p "my project" ',
  "kioku-mesh search -p it": "kioku-mesh search -p it\\'s ",
  "kioku-mesh search -p \\$": `kioku-mesh search -p \\$\\(touch\\ ${trap}\\) `,
  "kioku-mesh search -p se": "kioku-mesh search -p semi\\;colon ",
  "kioku-mesh search -p 日": "kioku-mesh search -p 日本語 ",
  "kioku-mesh search -p with:c": "kioku-mesh search -p with:colon ",
  "kioku-mesh search -p eq=": "kioku-mesh search -p eq=ual ",
  "kioku-mesh search --project=eq=": "kioku-mesh search --project=eq=ual ",
  "kioku-mesh search -p \\~": "kioku-mesh search -p \\~tilde ",
  "kioku-mesh search -p ba": "kioku-mesh search -p back\\\\slash ",
  "kioku-mesh search -p nothing": "kioku-mesh search -p nothing",
  "kioku-mesh init --out /et": "kioku-mesh init --out /etc/",
};

for (const name of ["bash", "zsh"] as const) {
  describe(name, () => {
    testWith(name)("completes a line so that the shell reads what was meant", async () => {
      await using shell = await interactive(shells[name]);
      const completed: typeof lines = {};
      for (const line of Object.keys(lines)) completed[line] = await shell.complete(line);
      completed[`get-memory ${id.slice(0, 8)}`] = await shell.complete(`kioku-mesh get-memory ${id.slice(0, 8)}`);
      expect(completed).toEqual({ ...lines, [`get-memory ${id.slice(0, 8)}`]: `kioku-mesh get-memory ${id} ` });
      expect(existsSync(trap)).toBe(false);
    });

    testWith(name)("lists ids with what they are about", async () => {
      await using shell = await interactive(shells[name]);
      const shown = await shell.list("kioku-mesh get-memory ", new RegExp(`(${id}.*)`));
      expect(shown).toContain("the only one with a subject");
    });
  });
}

describe("fish", () => {
  async function offered(...typed: string[]): Promise<string[]> {
    const script = 'kioku-mesh completion fish | source; for line in $argv; echo "> $line"; complete -C $line; end';
    const shell = Bun.spawn(["fish", "--no-config", "-c", script, ...typed], {
      env,
      cwd: work,
      stdout: "pipe",
      stdin: "ignore",
    });
    return (await new Response(shell.stdout).text())
      .trimEnd()
      .split(/^> .*\n/m)
      .slice(1);
  }

  testWith("fish")("offers commands, flags, choices and what the memory holds", async () => {
    const wanted: { [typed: string]: string } = {
      "kioku-mesh stat": "status\tShow who is speaking, where the memory is and how much is in it.",
      "kioku-mesh mcp ser": expect.stringMatching(/^serve\t/),
      "kioku-mesh save x --visibility=us": "--visibility=user",
      "kioku-mesh recall-context --memory-types bug,dec": "bug,decision",
      "kioku-mesh search -p my": "my project",
      "kioku-mesh search -p my\\ p": "my project",
      "kioku-mesh search -p 'my p": "my project",
      'kioku-mesh search -p "my p': "my project",
      "kioku-mesh search -p it\\'": "it's",
      "kioku-mesh search -p '$": `$(touch ${trap})`,
      "kioku-mesh search --project=with:": "--project=with:colon",
      "kioku-mesh search -p 日": "日本語",
      "kioku-mesh init --out /et": "/etc/",
      [`kioku-mesh get-memory ${id.slice(0, 8)}`]: `${id}\tthe only one with a subject`,
    };
    const answers = await offered(...Object.keys(wanted));
    expect(Object.fromEntries(Object.keys(wanted).map((line, i) => [line, answers[i]!.trim()]))).toEqual(wanted);
    expect(existsSync(trap)).toBe(false);
  });
});

test("the program answers a shell for an empty new word as PowerShell asks for it", () => {
  const { stdout } = Bun.spawnSync(["kioku-mesh", "__complete", "--new", "--", "mcp", "install", "--client"], { env });
  expect(stdout.toString()).toBe("claude-code\t\ncodex-cli\t\n");
});

testWith("shellcheck")("the script for bash is clean by shellcheck", () => {
  const script = join(import.meta.dir, "../../src/ops/shells/completion.bash");
  expect(Bun.spawnSync(["shellcheck", "-s", "bash", script]).stdout.toString()).toBe("");
});
