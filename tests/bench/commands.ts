import type { Figure } from "./report.ts";
import { costOf, inTurns, median } from "./measure.ts";
import { questions, type Machine } from "./world.ts";

/** Milliseconds above the process floor that a command may take. */
const allowance = 15;

export interface Programs {
  binary: string;
  empty: string;
  turns: number;
}

/** The command line, cold: one process for each save and search, from start to end. */
export async function commands({ size, env }: Machine, { binary, empty, turns }: Programs): Promise<Figure[]> {
  const asked = [...(await questions()).values()].map(([first]) => first!);
  const lines = {
    floor: () => [empty],
    version: () => [binary, "--version"],
    save: (turn: number) => [binary, "save", `the bench saves its memory number ${turn}`],
    search: (turn: number) => [binary, "search", asked[turn % asked.length]!],
  };
  const processor = new Map<string, number[]>();
  const run = (name: keyof typeof lines) => (turn: number) => {
    const cost = costOf(lines[name](turn), env);
    processor.set(name, [...(processor.get(name) ?? []), cost.processor]);
    return cost.time;
  };
  const times = await inTurns(turns, {
    floor: run("floor"),
    version: run("version"),
    save: run("save"),
    search: run("search"),
  });
  const floor = median(times.floor);
  const figure = (name: string, value: number, target?: number, beside = floor): Figure => ({
    name,
    unit: "ms",
    values: { [size]: value },
    ...(target !== undefined && { targets: { [size]: target } }),
    floor: beside,
  });
  const busy = (name: string) => median(processor.get(name)!);
  return [
    figure("command: --version", median(times.version)),
    figure("command: save", median(times.save), floor + allowance),
    figure("command: search", median(times.search), floor + allowance),
    figure("command: save, processor", busy("save"), undefined, busy("floor")),
    figure("command: search, processor", busy("search"), undefined, busy("floor")),
  ];
}
