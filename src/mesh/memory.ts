/** Bytes that may gather before they are given back: a peer that fills this host leaves hundreds of megabytes behind. */
const slack = 24 * 1024 * 1024;
const lookEvery = 2_000;

/** Collects garbage when much has gathered, which an idle process does not do by itself. Gives what ends it. */
export function keepMemoryLow(): () => void {
  let floor = 0; // the start leaves much behind, too
  const timer = setInterval(() => {
    const held = process.memoryUsage.rss();
    if (held > floor + slack) Bun.gc(true);
    floor = held > floor + slack ? process.memoryUsage.rss() : Math.min(floor, held);
  }, lookEvery);
  return () => clearInterval(timer);
}
