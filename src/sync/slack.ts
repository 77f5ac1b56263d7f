/** So many records leave behind what would stay for as long as the process idles: hundreds of megabytes. */
const heavy = 2_000;

/** Gives memory back once much has come or gone. */
export function createSlack() {
  let moved = 0;
  let before = 0;

  return {
    /** Records have passed through memory. */
    passed(records: number): void {
      moved += records;
    },

    /** Called now and then: gives back when nothing has passed since the last time. */
    tick(): void {
      const hasEnded = moved === before && moved >= heavy;
      if (hasEnded) Bun.gc(true);
      moved = hasEnded ? 0 : moved;
      before = moved;
    },
  };
}
