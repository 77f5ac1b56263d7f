import { join } from "node:path";
import type { Observation } from "../../src/core/observation.ts";
import { timestamp } from "../../src/core/time.ts";
import { seeded } from "../random.ts";

interface Source {
  content: string;
  subject: string;
  summary: string;
  tags: string[];
  source_files: string[];
  references: string[];
}

const corpus = (await Bun.file(join(import.meta.dir, "../recall/memories.jsonl")).text())
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Source);
const sentences = corpus.map(({ content }) => content.split(/(?<=[.。!?])\s*/).filter((text) => text.length > 20));

const verbs = ["parse", "load", "render", "merge", "flush", "retry", "encode", "resolve", "schedule", "verify"];
const nouns = ["Config", "Invoice", "Session", "Cursor", "Manifest", "Webhook", "Ledger", "Token", "Tile", "Quota"];
const ends = ["File", "Map", "Batch", "Index", "Worker", "Header", "Cache", "Stream", "Policy", "Row"];
const firstInstant = Date.UTC(2025, 0, 1);

/**
 * Memories as agents write them, the same for a seed: sentences of the recall corpus (English and Japanese) in new
 * combinations, with names, numbers and hashes of their own, so that the vocabulary grows with their number as it does in
 * reality. Mean content 330 bytes, with a tail to 1.5 KB; sessions of 2 to 9, forty projects of unequal size.
 */
export function* memories(count: number, seed = 1): Generator<Observation, void> {
  const chance = seeded(seed);
  const hex = (digits: number) => Array.from({ length: digits }, () => chance.below(16).toString(16)).join("");
  let session = { id: "", left: 0, project: "", pc_id: "" };
  for (let i = 0; i < count; i++) {
    if (session.left-- === 0) {
      session = {
        id: `2025${hex(4)}T120000Z-${hex(8)}`,
        left: 1 + chance.below(8),
        project: `project-${Math.floor(40 * chance.next() ** 2)}`,
        pc_id: `${chance.below(4)}`.repeat(32),
      };
    }
    const identifier = `${chance.pick(verbs)}${chance.pick(nouns)}${chance.pick(ends)}${chance.below(1 + i / 20) || ""}`;
    const source = chance.pick(corpus);
    const parts = Array.from({ length: 1 + Math.floor(5 * chance.next() ** 3) }, () => {
      const from = chance.pick(sentences);
      return from.length ? chance.pick(from) : source.content;
    });
    const details = [
      `Seen in \`${identifier}\` at commit ${hex(7)}.`,
      `It took ${chance.below(9000)} ms in build ${chance.below(99_999)}.`,
      `${identifier} は ticket ${chance.pick(["OPS", "WEB", "DATA", "INF"])}-${chance.below(20_000)} で直した。`,
    ];
    yield {
      content: [source.content, ...parts.slice(1), chance.pick(details)].join(" "),
      agent_family: chance.pick(["claude", "codex", "gemini"]),
      client_id: "me@atlas",
      pc_id: session.pc_id,
      session_id: session.id,
      project: session.project,
      tags: source.tags,
      observation_id: hex(32),
      created_at: timestamp(firstInstant + i * 300_000),
      memory_type: chance.pick(["bug", "config", "decision", "note", "pattern", "summary"]),
      importance: 1 + chance.below(5),
      subject: `${source.subject} (${identifier})`,
      summary: source.summary,
      source_files: [...source.source_files, `src/${chance.pick(nouns).toLowerCase()}/${identifier}.ts`],
      references: source.references,
      supersedes: [],
      visibility: "mesh",
      scope_id: "",
      expires_at: "",
    };
  }
}
