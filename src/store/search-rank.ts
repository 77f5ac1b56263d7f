import type { Observation } from "../core/observation.ts";
import type { Occurrences, TextMatch } from "./search-match.ts";
import type { Query, Term } from "./search-query.ts";
import type { FieldName } from "./search-text.ts";

/** What counts how much. Chosen on the tune half of tests/recall, see docs/search.md. */
export interface Weights {
  /** A hit as a word, as another form of it, at the start of a word, inside of one. */
  word: number;
  form: number;
  start: number;
  inside: number;
  fields: { [field in FieldName]: number };
  /** How soon more hits of one term stop to count, and how much the length of a field does (BM25's k1 and b). */
  saturation: number;
  lengths: number;
  /** How much of the score the share of the query decides that was found at all. */
  coverage: number;
  /** What other hits in the same session add, the nearer in time the more. */
  neighbours: number;
  /** What the highest importance adds over the lowest, what being new adds, and what being of the project one is in. */
  importance: number;
  recency: number;
  project: number;
}

export const weights: Weights = {
  word: 1,
  form: 0.9,
  start: 0.7,
  inside: 0.4,
  fields: { subject: 2.5, summary: 2, tags: 2, content: 1, project: 0.5, references: 1, source_files: 0.8 },
  saturation: 1.2,
  lengths: 0.5,
  coverage: 0.5,
  neighbours: 0.2,
  importance: 0.1,
  recency: 0.1,
  project: 0.15,
};

/** An observation whose text was compared with the query. */
export interface Candidate {
  observation: Observation;
  match: TextMatch;
}

/** Why an entry ranks where it does. */
export interface Explanation {
  score: number;
  /** How it was found: the query stands in it, all its words occur, some of them do. */
  matched: "as typed" | "all words" | "any word";
  /** What each term gave, best first. */
  terms: { term: string; points: number; hits: Occurrences[] }[];
  /** Factors on the sum of these. */
  coverage: number;
  neighbours: number;
  importance: number;
  recency: number;
  project: number;
}

export type Ranked<C extends Candidate> = C & { explanation: Explanation };

/** What a ranking knows beside the texts. */
export interface RankingBase {
  query: Query;
  /** How much each term tells. */
  idf: (term: Term) => number;
  now: string;
  /** The project one is in, "" where one is in none. */
  projectHere: string;
  weights: Weights;
}

/** Candidates with their scores, best first; equal ones by time, the newest first. */
export function rank<C extends Candidate>(candidates: readonly C[], base: RankingBase): Ranked<C>[] {
  const ranked = candidates.map((candidate) => ({ ...candidate, explanation: explain(candidate, base) }));
  addNeighbours(ranked, base.weights.neighbours);
  return ranked.toSorted(
    (a, b) => b.explanation.score - a.explanation.score || newestFirst(a.observation, b.observation),
  );
}

export function newestFirst(a: Observation, b: Observation): number {
  return compare(b.created_at, a.created_at) || compare(b.observation_id, a.observation_id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function explain(
  { observation, match }: Candidate,
  { query, idf, now, projectHere, weights: w }: RankingBase,
): Explanation {
  const terms: Explanation["terms"] = [];
  let [all, found] = [0, 0];
  for (const [i, term] of query.terms.entries()) {
    const worth = term.weight * idf(term);
    const frequency = frequencyOf(match.terms[i]!, match.lengths, w);
    all += worth;
    if (frequency === 0) continue;
    found += worth;
    const points = (worth * frequency * (1 + w.saturation)) / (frequency + w.saturation);
    terms.push({ term: term.text, points, hits: match.terms[i]! });
  }
  const coverage = 1 - w.coverage + w.coverage * (all > 0 ? found / all : 0);
  const importance = 1 + (w.importance * (observation.importance - 3)) / 2;
  const recency = 1 + w.recency * freshness(observation.created_at, now);
  const project = 1 + (projectHere !== "" && observation.project === projectHere ? w.project : 0);
  const score = terms.reduce((sum, { points }) => sum + points, 0) * coverage * importance * recency * project;
  const matched = match.asTyped ? "as typed" : match.words.every((hits) => hits.length > 0) ? "all words" : "any word";
  terms.sort((a, b) => b.points - a.points);
  return { score, matched, terms, coverage, neighbours: 1, importance, recency, project };
}

/** Hits of one term in all fields, each by its field, its kind, and the field's length against the usual (BM25F). */
function frequencyOf(hits: readonly Occurrences[], lengths: TextMatch["lengths"], w: Weights): number {
  let sum = 0;
  for (const { field, word, form, start, inside } of hits) {
    const count = w.word * word + w.form * form + w.start * start + w.inside * inside;
    const length = 1 - w.lengths + w.lengths * (lengths[field] / usualLengths[field]);
    sum += (w.fields[field] * count) / length;
  }
  return sum;
}

/** Characters of a usual field: what counts as long does not depend on what else is stored. */
const usualLengths: { [field in FieldName]: number } = {
  subject: 50, summary: 80, tags: 25, content: 300, project: 12, references: 15, source_files: 40,
}; // prettier-ignore

const day = 86_400_000;

/** 1 for now, a half after ninety days, 0 long ago or for a time that is none. */
function freshness(created_at: string, now: string): number {
  const age = Math.max(0, Date.parse(now) - Date.parse(created_at)) / day;
  return Number.isNaN(age) ? 0 : 90 / (90 + age);
}

/** What was found beside an entry in its session makes it likelier, half as much for every half hour between them. */
function addNeighbours(ranked: Ranked<Candidate>[], weight: number): void {
  const sessions = Map.groupBy(
    ranked.filter(({ observation }) => observation.session_id !== "" && observation.created_at !== ""),
    ({ observation }) => observation.session_id,
  );
  for (const members of sessions.values()) {
    if (members.length < 2) continue;
    const own = members.map(({ observation, explanation }) => ({
      at: Date.parse(observation.created_at),
      score: explanation.score,
    }));
    for (const [i, { explanation }] of members.entries()) {
      const near = own.map(({ at, score }, j) =>
        i === j ? 0 : score * 0.5 ** (Math.abs(at - own[i]!.at) / (day / 48)),
      );
      const bonus = weight * near.reduce((a, b) => Math.max(a, b), 0);
      if (explanation.score > 0) explanation.neighbours = 1 + bonus / explanation.score;
      explanation.score += bonus;
    }
  }
}
