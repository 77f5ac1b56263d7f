import { expect, spyOn, test } from "bun:test";
import { paced } from "../../src/ops/pace.ts";

/** Does work whose rows take so many milliseconds each, and gives the sizes of the batches. */
async function batches(
  count: number,
  milliseconds: (row: number) => number,
  sizeOf: (row: number) => number = () => 1,
): Promise<number[]> {
  const sizes: number[] = [];
  let clock = 0;
  await paced(
    Array.from({ length: count }, (_, i) => i),
    async (batch) => {
      clock += 1_000_000; // preparing keeps nobody waiting
      return () => {
        sizes.push(batch.length);
        for (const row of batch) clock += milliseconds(row);
      };
    },
    { sizeOf, now: () => clock, isLockFree: true },
  );
  return sizes;
}

test("batches grow while they are quick, up to a bound", async () => {
  expect(await batches(10_000, () => 0.001)).toEqual([64, 128, 256, 512, 1024, 2000, 2000, 2000, 2000, 16]);
});

test("batches shrink while the lock is held for too long, to a bound", async () => {
  const sizes = await batches(1_400, (row) => (row < 448 ? 0.1 : 2));
  expect(sizes).toEqual([64, 128, 256, 512, 256, 128, 56]);
  expect((await batches(300, () => 1_000)).slice(0, 4)).toEqual([64, 64, 64, 64]);
});

test("batches of long rows grow and shrink in bytes, between bounds", async () => {
  const kilobytes = (count: number, milliseconds: (row: number) => number, size: number) =>
    batches(count, milliseconds, () => size * 1024);
  expect(await kilobytes(380, () => 0.1, 60)).toEqual([2, 4, 8, 16, 32, 64, 69, 69, 69, 47]);
  expect(await kilobytes(90, (row) => (row < 28 ? 1 : 30), 60)).toEqual([2, 4, 8, 16, 32, 16, 8, 4]);
  expect(await kilobytes(9, () => 5_000, 60)).toEqual([2, 2, 2, 2, 1]);
  expect(await kilobytes(5, () => 0, 3 * 1024)).toEqual([1, 2, 2]);
  const one = (row: number, huge: number, usual: number) => (row === 0 ? huge : usual);
  const sizes = await batches(
    14,
    (row) => one(row, 5_000, 1),
    (row) => 1024 * one(row, 14 * 1024, 60),
  );
  expect(sizes).toEqual([1, 2, 4, 7]);
});

test("a batch is prepared while the one before it is worked on", async () => {
  const events: string[] = [];
  const work = async ([row]: number[]) => {
    events.push(`prepare ${row}`);
    await Bun.sleep(0); // as where another thread does it
    return () => void events.push(`take ${row}`);
  };
  await paced([0, 1, 2], work, { sizeOf: () => Infinity, now: () => 0, isLockFree: true });
  expect(events).toEqual(["prepare 0", "prepare 1", "take 0", "prepare 2", "take 1", "take 2"]);
});

test("what makes a batch is worked on while the next row lets wait for itself", async () => {
  const { promise: taken, resolve } = Promise.withResolvers<void>();
  async function* rows() {
    yield 1;
    await taken; // the other end of a pipe has nothing to say
    yield 2;
  }
  const worked: number[] = [];
  const work = async (batch: number[]) => () => {
    worked.push(...batch);
    resolve();
  };
  await paced(rows(), work, { sizeOf: () => Infinity, now: () => 0 });
  expect(worked).toEqual([1, 2]);
});

test("what was read before reading fails is worked on, once", async () => {
  function* rows() {
    yield 1;
    yield 2;
    throw new Error("damaged");
  }
  const worked: number[] = [];
  const pace = { sizeOf: () => 1, now: () => 0, isLockFree: true };
  await expect(paced(rows(), async (batch) => () => void worked.push(...batch), pace)).rejects.toThrow("damaged");
  expect(worked).toEqual([1, 2]);
});

test("after work that fails nothing more is done", async () => {
  let times = 0;
  const pace = { sizeOf: () => 1, now: () => 0, isLockFree: true };
  const work = async () => () => {
    times++;
    throw new Error("full");
  };
  await expect(paced(Array(1_000).fill(1), work, pace)).rejects.toThrow("full");
  expect(times).toBe(1);
});

test("others get their turn between two batches: what preparing takes counts, and a clock that jumps does not", async () => {
  const sleep = spyOn(Bun, "sleep").mockResolvedValue(undefined);
  try {
    let clock = 0;
    const preparing = [0, 4, 50, -1_000_000];
    const work = async ([row]: number[]) => {
      clock += preparing[row!]!;
      return () => {};
    };
    await paced([0, 1, 2, 3], work, { sizeOf: () => Infinity, now: () => clock });
    expect(sleep.mock.calls.map(([milliseconds]) => milliseconds)).toEqual([0, 7, 0, 11]);
  } finally {
    sleep.mockRestore();
  }
});
