import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { readObservation, type Observation } from "../../src/core/observation.ts";
import {
  fieldNames,
  fieldTexts,
  fold,
  isUnspaced,
  nameParts,
  stemOf,
  trigramToken,
  wordsOf,
} from "../../src/store/search-text.ts";
import { tokensOf as tokensToIndex } from "../../src/store/search-index.ts";
import { indexTokens } from "../../src/store/search-tokens.ts";
import { seeded } from "../random.ts";

/** The tokens as they are defined: what the program does character by character, written down as a set. */
function definedTokens(observation: Observation): Set<string> {
  const tokens = new Set<string>();
  const texts = fieldTexts(observation);
  for (const name of fieldNames) {
    const folded = fold(texts[name]);
    for (const stem of [...wordsOf(folded), ...nameParts(texts[name]).flat()].map(stemOf)) {
      tokens.add(`\ue001${stem}`);
      if (["subject", "summary", "tags"].includes(name)) tokens.add(`\ue002${stem}`);
    }
    const characters = Array.from(folded);
    const runs = characters.reduce<string[][]>((all, character, i) => {
      const before = characters[i - 1];
      const goesOn = before !== undefined && before !== " " && isUnspaced(before) === isUnspaced(character);
      if (character === " ") return all;
      if (goesOn) all.at(-1)!.push(character);
      else all.push([character]);
      return all;
    }, []);
    for (const run of runs) {
      const size = isUnspaced(run[0]!) ? 2 : 3;
      const grams = Array.from({ length: Math.max(0, run.length - size + 1) }, (_, i) =>
        run.slice(i, i + size).join(""),
      );
      for (const gram of [...grams, `${run.slice(1 - size).join("")}\ue000`]) {
        tokens.add(size === 3 ? trigramToken(gram) : gram);
      }
    }
    for (const single of characters)
      if (/[^\p{L}\p{N}\p{M}\s]|[\u3005-\u3007\u3400-\u9fff]/u.test(single)) tokens.add(single);
    for (const [, before, after] of folded.matchAll(/(\S{1,2}) (?=(\S))/gu)) tokens.add(`${before}\ue003${after}`);
  }
  return new Set([...tokens].map((token) => token.toWellFormed())); // half of a pair is stored as U+FFFD
}

const tokensOf = (observation: Observation) =>
  new TextDecoder("utf-8", { fatal: true }).decode(indexTokens(observation)).trim().split(" ");
const tokenSet = (observation: Observation) => new Set(tokensOf(observation));

test("the memories of the recall corpus have exactly the tokens that are defined", async () => {
  const lines = (await Bun.file(join(import.meta.dir, "../recall/memories.jsonl")).text()).trimEnd().split("\n");
  for (const line of lines) {
    const observation = readObservation(line, "")!;
    expect(tokenSet(observation)).toEqual(definedTokens(observation));
  }
});

test("so have texts of any characters, long ones and short ones", () => {
  const chance = seeded(7);
  const alphabet = [
    ..."aabbcdeXYZ019  .,-_/\"'%日本語の設定サーバーー한국ไทยéßİ①ｶﾞ\u3099\u0301\u00a8\u200b\ufeff\n\t😀𠮷𝒳¼\ud83d",
  ];
  const some = (length: number) => Array.from({ length }, () => chance.pick(alphabet)).join("");
  for (let i = 0; i < 400; i++) {
    const [content, subject] = [some(chance.below(i % 50 === 0 ? 20_000 : 60)), some(chance.below(9))];
    const observation = readObservation(JSON.stringify({ content, subject, tags: [some(3), some(2)] }), "")!;
    expect(tokenSet(observation)).toEqual(definedTokens(observation));
  }
});

test("the tokens of trigrams are told apart by the hash of FTS5's, from whose table they are looked up", () => {
  /** fts5_hash.c, fts5HashKey, for the index itself. */
  function slotOf(token: string): number {
    let hash = 13;
    for (const byte of [...Buffer.from(token).reverse(), 0x30]) hash = ((hash << 3) ^ hash ^ byte) >>> 0;
    return hash;
  }
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const grams = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => a + b + c)));
  const count = (tokens: string[]) => new Set(tokens.map(slotOf)).size;
  expect(count(grams)).toBeLessThan(grams.length / 6);
  expect(count(grams.map(trigramToken))).toBeGreaterThan(grams.length / 2);
});

test("what long values take of the memory is let go", () => {
  const sizeOfHeap = () => {
    Bun.gc(true);
    return heapStats().heapSize;
  };
  const made = (fields: Partial<Observation>) =>
    void tokensToIndex({ ...readObservation('{"content":""}', "")!, ...fields });
  made({});
  const before = sizeOfHeap();
  for (let i = 0; i < 100; i++) made({ session_id: `${i}`.padEnd(200_000, "x") });
  made({ content: "ab ".repeat(1_000_000) });
  made({});
  expect(sizeOfHeap() - before).toBeLessThan(5_000_000);
});
