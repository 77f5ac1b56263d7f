const width = 30;

/** A bar on one line, drawn over itself whenever it has moved. */
export function openProgress(draw: (text: string) => void) {
  let shown = "";

  function show(done: number, size: number | undefined): void {
    const line = size === undefined ? `${Math.floor(done / 1_000_000)} MB` : bar(done / Math.max(1, size));
    if (line !== shown) draw(`\r${line}\u001b[K`);
    shown = line;
  }

  /** Takes the line away, for what is said next. */
  function clear(): void {
    if (shown !== "") draw("\r\u001b[K");
    shown = "";
  }

  return { show, clear };
}

function bar(part: number): string {
  const filled = Math.min(width, Math.floor(part * width));
  const percent = Math.min(100, Math.floor(part * 100));
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}] ${String(percent).padStart(3)} %`;
}
