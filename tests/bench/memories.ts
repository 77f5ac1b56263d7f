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

/** Names in code, codes and paths: what in reality is not the same in a thousand memories. */
const named = /[\w.-]+(?:\/[\w.-]+)+|\b[a-z]+[A-Z][A-Za-z]*|\b[a-z]+(?:_[a-z]+)+|\b[A-Z]{1,6}-?\d{2,6}\b/g;

/** A text with other names in the places of its own, the same for a generation. */
function renamed(text: string, generation: number): string {
  if (generation === 0) return text;
  return text.replace(named, (name) => {
    const chance = seeded(Bun.hash.crc32(`${generation} ${name}`));
    const code = /^([A-Z]+-?)\d+$/.exec(name);
    if (code) return code[1]! + chance.below(100_000);
    const fresh = chance.pick(verbs) + chance.pick(nouns) + chance.pick(ends) + chance.below(generation * 10);
    return name.includes("/") ? name.replace(/[^/.]+(?=(\.\w+)?$)/, fresh) : fresh;
  });
}

/**
 * Memories as agents write them, the same for a seed: sentences of the recall corpus (English and Japanese) in new
 * combinations, with numbers, hashes and names of their own (a name returns in some ten memories), so that the vocabulary
 * grows with their number as it does in reality, while ordinary words become as common as they are. Mean content 410
 * bytes, with a tail to 1.5 KB; sessions of 2 to 9, forty projects of unequal size.
 */
export function* memories(count: number, seed = 1): Generator<Observation, void> {
  const chance = seeded(seed);
  const hex = (digits: number) => Array.from({ length: digits }, () => chance.below(16).toString(16)).join("");
  let session = { id: "", left: 0, project: "", pc_id: "" };
  for (let i = 0; i < count; i++) {
    if (session.left-- === 0) {
      session = {
        id: `${timestamp(firstInstant + i * 300_000)
          .slice(0, 19)
          .replaceAll(/[-:]/g, "")}Z-${hex(8)}`,
        left: 1 + chance.below(8),
        project: `project-${Math.floor(40 * chance.next() ** 2)}`,
        pc_id: `${chance.below(4)}`.repeat(32),
      };
    }
    const generation = Math.floor(i / (4 * corpus.length));
    const identifier = `${chance.pick(verbs)}${chance.pick(nouns)}${chance.pick(ends)}${chance.below(1 + i / 20) || ""}`;
    const source = chance.pick(corpus);
    const parts = Array.from({ length: Math.floor(5 * chance.next() ** 3) }, () => {
      const from = chance.pick(sentences);
      return from.length ? chance.pick(from) : source.content;
    });
    const details = [
      `Seen in \`${identifier}\` at commit ${hex(7)}.`,
      `It took ${chance.below(9000)} ms in build ${chance.below(99_999)}.`,
      `${identifier} は ticket ${chance.pick(["OPS", "WEB", "DATA", "INF"])}-${chance.below(20_000)} で直した。`,
    ];
    yield {
      content: `${renamed([source.content, ...parts].join(" "), generation)} ${chance.pick(details)}`,
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
      subject: renamed(source.subject, generation),
      summary: renamed(source.summary, generation),
      source_files: source.source_files.map((path) => renamed(path, generation)),
      references: source.references.map((reference) => reference.replace(/\d+/, () => String(chance.below(9_999)))),
      supersedes: [],
      visibility: "mesh",
      scope_id: "",
      expires_at: "",
    };
  }
}
