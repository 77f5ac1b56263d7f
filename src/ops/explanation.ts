import { z } from "zod";
import type { Explanation } from "../store/search-rank.ts";

/** Why an entry ranks where it does: score = text * importance * recency * project + neighbours. */
export const explanationSchema = () =>
  z.strictObject({
    matched: z.enum(["as typed", "all words", "any word"]),
    score: z.number(),
    text: z.number(),
    importance: z.number(),
    recency: z.number(),
    project: z.number(),
    neighbours: z.number(),
    terms: z.array(
      z.strictObject({
        term: z.string(),
        points: z.number(),
        hits: z.array(
          z.strictObject({ field: z.string(), word: z.int(), form: z.int(), start: z.int(), inside: z.int() }),
        ),
      }),
    ),
  });
type Explained = z.output<ReturnType<typeof explanationSchema>>;

const rounded = (number: number) => Math.round(number * 1000) / 1000;

export function explanationOf({ terms, ...explanation }: Explanation): Explained {
  return {
    matched: explanation.matched,
    score: rounded(explanation.score),
    text: rounded(explanation.text),
    importance: rounded(explanation.importance),
    recency: rounded(explanation.recency),
    project: rounded(explanation.project),
    neighbours: rounded(explanation.neighbours),
    terms: terms.map((term) => ({ ...term, points: rounded(term.points) })),
  };
}

/** An explanation in two lines: how the score came about, and what each term gave by which hits. */
export function explanationText({ matched, score, text, terms, ...factors }: Explained): string {
  const boosts = (["importance", "recency", "project"] as const)
    .filter((name) => factors[name] !== 1)
    .map((name) => ` * ${name} ${factors[name].toFixed(2)}`);
  const neighbours = factors.neighbours > 0 ? ` + neighbours ${factors.neighbours.toFixed(2)}` : "";
  const sum = `text ${text.toFixed(2)}${boosts.join("")}${neighbours}`;
  const found = terms.map(({ term, points, hits }) => `${term} ${points.toFixed(2)} (${hits.map(hitText).join(", ")})`);
  return `  ${matched}: ${score.toFixed(2)} = ${sum}\n  ${found.join("; ") || "no word of it"}`;
}

function hitText({ field, ...counts }: Explained["terms"][number]["hits"][number]): string {
  const kinds = Object.entries(counts).filter(([, count]) => count > 0);
  return `${field}: ${kinds.map(([kind, count]) => (count > 1 ? `${count} ${kind}` : kind)).join(" ")}`;
}
