/** An import by the compiled program, which makes the search tokens of many memories in a second thread. */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { inspect } from "../../src/store/inspect.ts";
import { testWith } from "../needs.ts";
import { idOf, observation } from "../store/records.ts";
import { home } from "./program.ts";

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => {
    const name = `${from + i}`;
    return `${observation(idOf(name), { content: `memory ${name} of ${idOf(name)}` }).payload}\n`;
  }).join("");

/** The names of a process's threads. */
const threadsOf = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").trim());

function recordsIn(database: string): number {
  if (!existsSync(database)) return 0;
  using db = new Database(database, { readonly: true });
  return db.query<{ n: number }, []>("select count(*) as n from record").get()!.n;
}

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !isSo(); await Bun.sleep(2)) {
    if (Date.now() > deadline) throw new Error(`not so in time: ${isSo}`);
  }
}

testWith("a /proc")(
  "many memories: the second thread works to the end, and each is found",
  async () => {
    await using machine = home();
    const child = machine.start(["import", "-"]);
    const feed = async (from: number, to: number) => {
      child.stdin.write(lines(from, to));
      await child.stdin.flush();
    };
    await feed(0, 2_000);
    await until(() => threadsOf(child.pid).includes("Worker"));
    await feed(2_000, 6_000);
    await until(() => recordsIn(machine.database) > 3_000);
    expect(threadsOf(child.pid)).toContain("Worker");
    await child.stdin.end();
    expect(await new Response(child.stdout).text()).toContain("imported: 6000 observations");
    expect(await child.exited).toBe(0);

    expect(inspect(machine.database)).toMatchObject({ problems: [], doubtful: [], astray: 0, counted: true });
    for (const name of ["0", "63", "64", "1999", "5999"]) {
      const { out } = await machine.run(["search", idOf(name), "--json"]);
      expect(out).toContain(idOf(name));
    }
  },
  60_000,
);
