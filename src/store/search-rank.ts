import type { Occurrences, TextMatch } from "./search-match.ts";
import type { Query } from "./search-query.ts";
import type { Candidate } from "./search-read.ts";
import { fieldNames, type FieldName } from "./search-text.ts";

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

export const usualWeights: Weights = {
  word: 1,
  form: 0.9,
  start: 0.5,
  inside: 0.4,
  fields: { subject: 2.5, summary: 2, tags: 1.5, content: 1, project: 0.5, references: 1, source_files: 1 },
  saturation: 1.2,
  lengths: 0.5,
  coverage: 0.25,
  neighbours: 0.5,
  importance: 0.05,
  recency: 0.1,
  project: 0.15,
};

/** What one term gave to a score, and where it was found. */
export interface TermPoints {
  term: string;
  points: number;
  hits: Occurrences[];
}

/** Factors on the score of the text. */
export interface Boosts {
  importance: number;
  recency: number;
  project: number;
}

/** Why an entry ranks where it does: score = text * importance * recency * project + neighbours. */
export interface Explanation extends Boosts {
  score: number;
  /** How it was found: the query stands in it, all its words occur, some of them do. */
  matched: "as typed" | "all words" | "any word";
  /** What the terms gave, lowered where not all were found. */
  text: number;
  /** Best first. */
  terms: TermPoints[];
  /** What hits beside it in its session added. */
  neighbours: number;
}

export interface Ranked extends Scored {
  /** Its own, and what was found beside it. */
  score: number;
  /** Worked out when asked for: few of those ranked are shown, and fewer explained. */
  explain(): Explanation;
}

/** What a ranking knows beside the texts. */
export interface RankingBase {
  query: Query;
  /** How much each of the query's terms tells. */
  idfs: readonly number[];
  now: string;
  /** The project one is in, "" where one is in none. */
  projectHere: string;
  weights: Weights;
}

/** A candidate, and what its text is worth with what is known of it. */
export interface Scored extends Candidate {
  own: number;
}

export function score(candidates: readonly Candidate[], base: RankingBase): Scored[] {
  return candidates.map((candidate) => ({
    ...candidate,
    own: textScore(candidate, base) * boostOf(boostsOf(candidate, base)),
  }));
}

/** Candidates with what was found beside them, best first; equal ones by time, the newest first. */
export function rank(candidates: readonly Scored[], base: RankingBase): Ranked[] {
  const bonuses = neighbourBonuses(candidates, base.weights.neighbours);
  const ranked = candidates.map((candidate, i) => {
    const total = candidate.own + bonuses[i]!;
    return { ...candidate, score: total, explain: () => explain(candidate, base, total, bonuses[i]!) };
  });
  return ranked.sort((a, b) => b.score - a.score || newestFirst(a, b));
}

type Placed = Pick<Candidate, "created_at" | "id">;

export function newestFirst(a: Placed, b: Placed): number {
  return compare(b.created_at, a.created_at) || compare(b.id, a.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** BM25F over the terms, lowered by the share of the query that was not found. */
function textScore(
  { match }: Candidate,
  { query, idfs, weights: w }: RankingBase,
  note?: (points: TermPoints) => void,
) {
  let [sum, all, found] = [0, 0, 0];
  for (let i = 0; i < query.terms.length; i++) {
    const { text, weight } = query.terms[i]!;
    const hits = match.terms[i]!;
    const worth = weight * idfs[i]!;
    all += worth;
    if (hits.length === 0) continue;
    const frequency = frequencyOf(hits, match.lengths, w);
    const points = (worth * frequency * (1 + w.saturation)) / (frequency + w.saturation);
    if (frequency > 0) found += worth;
    sum += points;
    note?.({ term: text, points, hits });
  }
  return all > 0 ? sum * (1 - w.coverage + (w.coverage * found) / all) : 0;
}

function boostsOf(candidate: Candidate, { now, projectHere, weights: w }: RankingBase): Boosts {
  return {
    importance: 1 + (w.importance * (candidate.importance - 3)) / 2,
    recency: 1 + w.recency * freshness(candidate.created_at, now),
    project: 1 + (projectHere !== "" && candidate.project === projectHere ? w.project : 0),
  };
}

const boostOf = ({ importance, recency, project }: Boosts) => importance * recency * project;

function explain(candidate: Candidate, base: RankingBase, score: number, neighbours: number): Explanation {
  const { match } = candidate;
  const terms: TermPoints[] = [];
  const text = textScore(candidate, base, (points) => terms.push(points));
  const matched = match.asTyped ? "as typed" : match.words.every((hits) => hits.length > 0) ? "all words" : "any word";
  terms.sort((a, b) => b.points - a.points);
  return { score, matched, text, terms, ...boostsOf(candidate, base), neighbours };
}

/** Hits of one term in all fields, each by its field, its kind, and the field's length against the usual (BM25F). */
function frequencyOf(hits: readonly Occurrences[], lengths: TextMatch["lengths"], w: Weights): number {
  let sum = 0;
  for (const { field, word, form, start, inside } of hits) {
    const count = w.word * word + w.form * form + w.start * start + w.inside * inside;
    const length = 1 - w.lengths + w.lengths * (lengths[fieldNames.indexOf(field)]! / usualLengths[field]);
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

/** What was found beside an entry in its session makes it likelier, half as much for every hour between them. */
function neighbourBonuses(candidates: readonly Scored[], weight: number): number[] {
  const bonuses = candidates.map(() => 0);
  const places = candidates
    .map(({ session_id, created_at }, i) => ({ i, session_id, at: Date.parse(created_at) }))
    .filter(({ session_id, at }) => session_id !== "" && !Number.isNaN(at))
    .sort((a, b) => compare(a.session_id, b.session_id) || a.at - b.at);
  for (const order of [places, places.toReversed()]) {
    let best = 0; // what the strongest of those passed is worth at this place: halving composes, so one is enough
    for (const [n, { i, session_id, at }] of order.entries()) {
      const before = order[n - 1];
      if (before?.session_id === session_id) {
        best = Math.max(best, weight * candidates[before.i]!.own) * 0.5 ** (Math.abs(at - before.at) / hour);
      } else best = 0;
      bonuses[i] = Math.max(bonuses[i]!, best);
    }
  }
  return bonuses;
}

const hour = 3_600_000;
