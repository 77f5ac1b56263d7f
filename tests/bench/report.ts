/** One thing measured, at each size it was measured at. */
export interface Figure {
  name: string;
  unit: "ms" | "MB" | "×";
  /** By the number of memories. */
  values: { [size: number]: number };
  /** What it may be at most, at each size; a ratio or a difference to a floor is worked in. */
  targets?: { [size: number]: number };
  /** The floor measured beside it. */
  floor?: number;
  /** The Python original on the same work. */
  original?: { [size: number]: number };
  /** A note on what was measured. */
  note?: string;
}

const digits = { ms: 1, MB: 0, "×": 2 } as const;

/** The figures as a table in Markdown, as docs/figures.md has it: each value, marked where it misses its target. */
export function tableOf(figures: readonly Figure[], sizes: readonly number[]): string {
  const withOriginal = figures.some(({ original }) => original);
  const head = ["figure", ...sizes.map((size) => size.toLocaleString("en")), "target", "floor"];
  if (withOriginal) head.push("original");
  const rows = figures.map((figure) => {
    const { name, unit, floor, original } = figure;
    const show = (value: number | undefined) => (value === undefined ? "" : `${value.toFixed(digits[unit])} ${unit}`);
    const cells = [name, ...sizes.map((size) => valueText(figure, size)), targetText(figure, sizes), show(floor)];
    if (withOriginal) {
      cells.push(
        Object.entries(original ?? {})
          .map(([size, value]) => `${show(value)} (${Number(size).toLocaleString("en")})`)
          .join(", "),
      );
    }
    return cells;
  });
  return layOut([head, ...rows]);
}

/** What misses its target. */
export function missed(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ name, unit, values, targets = {} }) =>
    Object.entries(targets).flatMap(([size, target]) => {
      const value = values[Number(size)];
      if (value === undefined || value <= target) return [];
      const over = `${(value - target).toFixed(digits[unit])} ${unit} over`;
      return [`${name} at ${Number(size).toLocaleString("en")}: ${value.toFixed(digits[unit])} ${unit}, ${over}`];
    }),
  );
}

function valueText({ values, targets, unit }: Figure, size: number): string {
  const value = values[size];
  if (value === undefined) return "";
  const target = targets?.[size];
  return `${value.toFixed(digits[unit])} ${unit}${target !== undefined && value > target ? " !" : ""}`;
}

function targetText({ targets = {}, unit }: Figure, sizes: readonly number[]): string {
  const known = [...new Set(sizes.flatMap((size) => targets[size] ?? []))];
  return known.map((target) => `≤ ${target.toFixed(digits[unit])}`).join(", ");
}

function layOut(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const padded = (row: string[]) =>
    line(row.map((cell, i) => (i ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))));
  const rule = line(widths.map((width, i) => (i ? `${"-".repeat(width - 1)}:` : "-".repeat(width))));
  const [head, ...rest] = rows.map(padded);
  return [head, rule, ...rest].join("\n");
}
