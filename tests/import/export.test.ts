/** Exports, and reading them back: complete, lossless, and safe to do twice. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { digestOf, longestPayload, type Record } from "../../src/core/record.ts";
import type { Incoming } from "../../src/store/adopt.ts";
import { exportLine, readLine } from "../../src/store/foreign/lines.ts";
import { textRows } from "../../src/store/foreign/text.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { seeded } from "../random.ts";
import { bare, erasure, idOf, memoryStore, now, observation, tombstone, unknown } from "../store/records.ts";
import { world } from "../world.ts";

/** The lines of an export of a store. */
function exported(store: Store, project?: string): string[] {
  return [...store.exportPages(project)].flat().map(exportLine);
}

/** Takes lines into a store, as `import` does. */
async function restore(lines: readonly string[], into: Store) {
  return into.adopt(await into.prepare(lines.map((line) => readLine(line, "") as Incoming)));
}

describe("an export read into an empty database", () => {
  test("gives an equal set and an equal second export, by chance", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const chance = seeded(seed);
      let clock = Date.UTC(2026, 0, 1);
      const store = memoryStore(() => new Date((clock += 60_000)).toISOString().replace("Z", "000Z"));
      const ids = ["a", "b", "c", "d", "e", "f"].map(idOf);
      const any = (): Record => {
        const id = chance.pick(ids);
        return chance.pick([
          () => observation(id, { content: chance.pick(["ゆらぎ", 'with "quotes"\n', "\u0000\ud83d\ude00", "{"]) }),
          () => observation(id, { created_at: chance.pick(["", "yesterday", "2026-01-01T00:00:00.000000Z"]) }),
          () => ({ ...observation(id), payload: "{ torn", digest: digestOf("{ torn"), at: "" }),
          () => tombstone(id, chance.pick(["2026-02-01T00:00:00.000000Z", "2026-02-02T00:00:00.000000Z"])),
          () => erasure(id),
          () => bare(observation(id)),
          () => unknown(id, chance.pick(['{"x": 1}', "no json"])),
        ])();
      };
      for (let i = 0; i < 25; i++) {
        if (chance.next() < 0.2) store.hide([chance.pick(ids)], now);
        else if (chance.next() < 0.5) store.append([any()]);
        else store.merge([any(), any()]);
      }
      const again = memoryStore(() => "2030-01-01T00:00:00.000000Z");
      await restore(exported(store), again);
      expect([seed, again.fingerprint()]).toEqual([seed, store.fingerprint()]);
      expect([seed, exported(again)]).toEqual([seed, exported(store)]);
      store.close();
      again.close();
    }
  });

  test("keeps when this host learned of a record, but takes no time from the future", async () => {
    const store = memoryStore(() => "2026-03-01T00:00:00.000000Z");
    store.append([tombstone(idOf("a"))]);
    const line = exported(store)[0]!;
    const clock = () => now;
    const [same, later] = [openStore(":memory:", clock), openStore(":memory:", clock)];
    await restore([line], same);
    await restore([line.replace('"learned_at":"2026', '"learned_at":"2999')], later);
    expect(same.record("tombstone", idOf("a"))!.learned_at).toBe("2026-03-01T00:00:00.000000Z");
    expect(later.record("tombstone", idOf("a"))!.learned_at).toBe(now);
  });

  test("never brings erased content back", async () => {
    const store = memoryStore();
    store.append([observation(idOf("secret"), { content: "hunter2" })]);
    const before = exported(store);
    store.append([erasure(idOf("secret"))]);
    expect(exported(store).join("")).not.toContain("hunter2");
    await restore(before, store);
    expect(store.record("observation", idOf("secret"))!.payload).toBeNull();
  });
});

describe("the command", async () => {
  test("writes a file that only its owner can read, whole or not at all", async () => {
    using w = world();
    await w.save("worth keeping", "-p", "demo");
    const path = w.files.at("backup.jsonl");
    writeFileSync(path, "older", { mode: 0o644 });
    const { out, exitCode } = await w.kioku(["export", "--out", path]);
    expect([out, exitCode]).toEqual([`exported 1 record to ${path}\n`, 0]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toBe((await w.kioku(["export"])).out);
    expect(readdirSync(w.home).filter((name) => name.includes("backup"))).toEqual(["backup.jsonl"]);
  });

  test("replaces nothing that is no file, and leaves nothing behind where it cannot write", async () => {
    using w = world();
    await w.save("worth keeping");
    mkdirSync(w.files.at("directory"));
    for (const path of [w.files.at("directory"), "/dev/null", w.files.at("missing/backup.jsonl")]) {
      const { err, exitCode } = await w.kioku(["export", "--out", path]);
      expect([err, exitCode]).toEqual([expect.stringContaining(`${path} cannot be written`), 5]);
    }
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
    expect(readdirSync(w.home).toSorted()).toEqual([".local", "directory"]);
  });

  test("prints records alone, and says beside them how many they were", async () => {
    using w = world();
    await w.save("worth keeping");
    const { out, err } = await w.kioku(["export"]);
    expect(out.split("\n").length).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ kind: "observation", learned_at: "2026-11-22T06:38:15.659000Z" });
    expect(err).toBe("exported 1 record\n");
    const json = await w.kioku(["export", "--json"]);
    expect([json.out, json.err]).toEqual([out, '{"path": "-", "records": 1}\n']);
    using fresh = world();
    expect(await fresh.kioku(["export"])).toMatchObject({ out: "", err: "exported 0 records\n" });
  });

  test("narrows to a project, with what belongs to its observations", async () => {
    using w = world();
    await w.save("elsewhere", "-p", "other");
    const id = await w.save("here", "-p", "demo");
    await w.kioku(["delete", id]);
    const { out } = await w.kioku(["export", "-p", "demo"]);
    const kinds = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(kinds).toMatchObject([
      { kind: "observation", id },
      { kind: "tombstone", id },
    ]);
  });

  test("reads back from a file and from standard input", async () => {
    using w = world();
    await w.save("日本語の記憶");
    const text = (await w.kioku(["export"])).out;
    using file = world();
    expect((await file.kioku(["import", file.files.file("backup.jsonl", text)])).out).toContain(
      "imported: 1 observation\n",
    );
    using input = world();
    expect((await input.kioku(["import", "-"], { stdin: text })).exitCode).toBe(0);
    expect((await file.kioku(["export"])).out).toBe(text);
    expect((await input.kioku(["export"])).out).toBe(text);
    const link = w.files.at("link.jsonl");
    symlinkSync(file.files.at("backup.jsonl"), link);
    expect((await w.kioku(["import", link])).out).toEndWith("nothing new.\n");
  });
});

describe("what searches print", () => {
  test("is read back to the byte, and adds nothing where it came from", async () => {
    using w = world();
    await w.save('one, with [brackets] and "quotes"');
    await w.save("two: ゆらぎ");
    const { out } = await w.kioku(["search", "--format", "json"]);
    expect((await w.kioku(["import", "-"], { stdin: out })).out).toEndWith("nothing new.\n");
    using other = world();
    await other.kioku(["import", "-"], { stdin: out });
    const payloads = async (machine: typeof w) =>
      (await machine.kioku(["export"])).out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).payload)
        .toSorted();
    expect(await payloads(other)).toEqual(await payloads(w));
  });

  test("replaces nothing, whatever it says", async () => {
    using w = world();
    const id = await w.save("as it was saved");
    const changed = `{"content": "changed", "observation_id": "${id}", "created_at": "2001-01-01T00:00:00.000000Z"}`;
    await w.kioku(["import", "-"], { stdin: changed });
    expect((await w.kioku(["get-memory", id])).out).toEndWith("---\nas it was saved\n");
  });
});

async function rowsOf(text: string | Uint8Array, cut = 7) {
  const bytes = Buffer.from(text as string);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += cut) yield bytes.subarray(at, at + cut);
  }
  return await Array.fromAsync(textRows(chunks()));
}

describe("a text", () => {
  const one = `{"observation_id": "${idOf("one")}", "content": "a, [b] \\"}\\" ゆ", "n": 1.0}`;
  const two = `{"observation_id": "${idOf("two")}", "content": "\\\\", "nested": {"a": [1, [2]]}}`;
  const payloads = async (text: string) =>
    (await rowsOf(text)).map((row) => ("record" in row ? row.record.payload : row));

  test.each([
    ["lines", `${one}\n${two}\n`],
    ["lines of Windows, blank ones between", `\ufeff${one}\r\n\r\n${two}`],
    ["an array on one line", `[${one}, ${two}]`],
    ["an array over many lines", `[\n  ${one}\n  ,\n  ${two}\n]\n`],
    ["arrays, one on each line", `[${one}]\n[]\n[${two}]\n`],
  ])("may be %s", async (_, text) => {
    expect(await payloads(text)).toEqual([one, two]);
  });

  test("loses the line that is broken, and no other", async () => {
    const broken = await rowsOf(
      Buffer.concat([Buffer.from(`${one}\n{"content": \n`), Buffer.of(0xff, 10), Buffer.from(two)]),
    );
    expect(broken).toMatchObject([
      { record: { payload: one } },
      { where: "line 2", refused: "it is no JSON object" },
      { where: "line 3", refused: "it is no valid UTF-8" },
      { record: { payload: two } },
    ]);
    expect(await rowsOf(`[${one}, {"content`)).toMatchObject([
      { record: { payload: one } },
      { refused: "the array that begins here has no end" },
    ]);
  });

  test("of another encoding is refused with what to do", async () => {
    const wide = Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(one, "utf16le")]);
    await expect(rowsOf(wide)).rejects.toThrow("it is UTF-16, not UTF-8");
    await expect(rowsOf("kind,id\n")).rejects.toThrow("it is neither a database nor JSON Lines");
  });

  test.each([
    [{ kind: "" }, "its kind is no word"],
    [{ id: "X" }, "its id is not 32 lowercase hex digits"],
    [{ digest: "00" }, "its digest is not of 32 bytes"],
    [{ payload: 7 }, "its payload is no text"],
    [{ payload: "{}" }, "its payload is not what was saved"],
  ])("of an export with %p is refused", (change, refused) => {
    expect(readLine(changedLine(change), "line 1")).toEqual({ refused, where: "line 1" });
  });

  test("with a payload that no message between hosts has room for is refused", () => {
    const content = "記".repeat(longestPayload / 2); // fewer characters than bytes
    const payload = JSON.stringify({ content });
    const refusal = { refused: `its payload is longer than ${longestPayload} bytes`, where: "line 1" };
    expect(readLine(changedLine({ payload }), "line 1")).toEqual(refusal);
    const alone = JSON.stringify({ content, observation_id: idOf("a") });
    expect(readLine(alone, "line 1")).toEqual(refusal);
  });

  function changedLine(change: object): string {
    const store = memoryStore();
    store.append([observation(idOf("a"))]);
    return JSON.stringify({ ...JSON.parse(exported(store)[0]!), ...change });
  }

  test.each([
    ["[]", "it is no JSON object"],
    ['{"a": 1}', "it is neither a record nor a payload"],
    ['{"content": "x"}', "its id is not 32 lowercase hex digits"],
  ])("of %p is refused", (line, refused) => {
    expect(readLine(line, "line 1")).toEqual({ refused, where: "line 1" });
  });
});
