/**
 * The figures of the program, each beside a floor measured in the same run: `bun run bench`, with --sizes 1000,10000 for
 * fewer and --json for a program. Needs the compiled program (`bun run build`). With KIOKU_ORIGINAL=<venv> the Python
 * original does the same work beside it, up to 10,000 memories.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { binary } from "../e2e/program.ts";
import { commands } from "./commands.ts";
import { compileEmpty } from "./empty.ts";
import { importing } from "./importing.ts";
import { saving } from "./saving.ts";
import { originalFigures } from "./original.ts";
import { missed, tableOf, type Figure } from "./report.ts";
import { servers } from "./servers.ts";
import { fill } from "./world.ts";

const { values: flags } = parseArgs({
  options: {
    sizes: { type: "string", default: "1000,10000,100000" },
    turns: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
  },
});
const sizes = flags.sizes.split(",").map(Number);
const turns = Number(flags.turns);
const say = (line: string) => console.error(line);

const work = mkdtempSync(join(tmpdir(), "kioku-bench-"));
try {
  const empty = await compileEmpty(work);
  const figures: Figure[] = [];
  const add = (more: Figure[]) => {
    for (const figure of more) {
      const known = figures.find(({ name }) => name === figure.name);
      if (!known) figures.push(figure);
      else {
        Object.assign(known.values, figure.values);
        known.targets = { ...known.targets, ...figure.targets };
      }
    }
  };
  for (const size of sizes) {
    say(`${size} memories: filling`);
    const machine = fill(work, size);
    const ratio = machine.file / machine.content;
    add([{ name: "database / content", unit: "×", values: { [size]: ratio }, targets: { [size]: 8 } }]);
    add([{ name: "database / whole payloads", unit: "×", values: { [size]: machine.file / machine.payload } }]);
    say(`${size} memories: commands`);
    add(await commands(machine, { binary, empty, turns }));
    say(`${size} memories: servers`);
    add(await servers(machine, { binary, empty, turns }));
    say(`${size} memories: saving in the process`);
    add(await saving(machine, work));
    say(`${size} memories: import`);
    add(await importing(size, work, binary));
  }
  const original = process.env.KIOKU_ORIGINAL;
  if (original) {
    const size = Math.min(10_000, Math.max(...sizes));
    say(`${size} memories: the original`);
    for (const [name, value] of await originalFigures(original, work, size)) {
      const figure = figures.find((known) => known.name === name);
      if (figure) figure.original = { [size]: value };
    }
  }
  const load = (
    await Bun.file("/proc/loadavg")
      .text()
      .catch(() => "")
  ).split(" ")[0];
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, load, bun: Bun.version };
  if (flags.json)
    console.log(JSON.stringify({ machine, sizes, turns, figures, missed: missed(figures) }, undefined, 2));
  else {
    console.log(
      `${machine.cores} cores of ${machine.cpu}, load ${load}, Bun ${machine.bun}; medians of ${turns} turns\n`,
    );
    console.log(`${tableOf(figures, sizes)}\n`);
    console.log(
      missed(figures)
        .map((line) => `- ${line}`)
        .join("\n") || "Every target is met.",
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
