/**
 * How well searches find what is wanted: `bun run bench:recall [--half tune|report]`. Prints, for each kind of question and
 * each way of ranking, recall at 5 and 10 (of as many as can be in so many places) and the mean reciprocal rank.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { payloadJson } from "../../src/core/json.ts";
import { usualWeights, type Weights } from "../../src/store/search-rank.ts";
import { openStore, recordOf, type Store } from "../../src/store/store.ts";

interface Question {
  kind: string;
  query: string;
  relevant: string[];
  half: "tune" | "report";
}

const now = "2026-06-01T00:00:00.000000Z";
const flat = Object.fromEntries(Object.keys(usualWeights.fields).map((field) => [field, 1])) as Weights["fields"];
const plain = { ...usualWeights, fields: flat, neighbours: 0, importance: 0, recency: 0, project: 0 };

/** The whole ranking, and what is left of it when only one of its parts counts. */
const rankings: { [name: string]: Weights } = {
  combined: usualWeights,
  "words alone": { ...plain, start: 0, inside: 0 },
  "parts of words alone": { ...plain, word: 0, form: 0 },
  "text alone": plain,
  "text, fields": { ...plain, fields: usualWeights.fields },
  "text, neighbours": { ...plain, neighbours: usualWeights.neighbours },
};

async function lines<T>(name: string): Promise<T[]> {
  const text = await Bun.file(join(import.meta.dir, name)).text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

async function filledStore(): Promise<Store> {
  const store = openStore(":memory:", () => now);
  const memories = await lines<{ observation_id: string }>("memories.jsonl");
  store.append(memories.map((memory) => recordOf("observation", memory.observation_id, payloadJson(memory))));
  return store;
}

interface Figures {
  recall5: number;
  recall10: number;
  reciprocal: number;
}

function figuresOf(found: readonly string[], relevant: readonly string[]): Figures {
  const recall = (k: number) =>
    found.slice(0, k).filter((id) => relevant.includes(id)).length / Math.min(k, relevant.length);
  const first = found.findIndex((id) => relevant.includes(id));
  return { recall5: recall(5), recall10: recall(10), reciprocal: first < 0 ? 0 : 1 / (first + 1) };
}

function mean(figures: readonly Figures[]): Figures {
  const of = (key: keyof Figures) => figures.reduce((sum, one) => sum + one[key], 0) / figures.length;
  return { recall5: of("recall5"), recall10: of("recall10"), reciprocal: of("reciprocal") };
}

function row(name: string, count: number, { recall5, recall10, reciprocal }: Figures): string {
  const columns = [recall5, recall10, reciprocal].map((figure) => figure.toFixed(3).padStart(9)).join("");
  return `  ${name.padEnd(18)}${String(count).padStart(5)}${columns}`;
}

const { values } = parseArgs({ options: { half: { type: "string", default: "report" } } });
const questions = (await lines<Question>("questions.jsonl")).filter(({ half }) => half === values.half);
const store = await filledStore();
for (const [name, weights] of Object.entries(rankings)) {
  const asked = questions.map(({ kind, query, relevant }) => {
    const { hits } = store.search(query, {}, now, 10, { weights });
    return {
      kind,
      figures: figuresOf(
        hits.map((hit) => hit.observation.observation_id),
        relevant,
      ),
    };
  });
  console.log(`${name} (${values.half} half)\n  ${"kind".padEnd(18)}    n  recall@5 recall@10      MRR`);
  for (const [kind, answers] of Map.groupBy(asked, (answer) => answer.kind)) {
    console.log(row(kind, answers.length, mean(answers.map(({ figures }) => figures))));
  }
  console.log(row("all", asked.length, mean(asked.map(({ figures }) => figures))));
}
store.close();
