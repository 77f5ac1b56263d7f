import { byWriting, fold, isSpacedWord, isUnspaced, nameParts, stemOf, wordsOf } from "./search-text.ts";

/** One thing that is asked for. All texts are folded. */
export interface Term {
  /** As it was typed, without the punctuation of the sentence around it. */
  text: string;
  /** The stems of its words, which must follow one another. Empty where it has no words: symbols, unspaced writing. */
  stems: string[];
  /** The stems of the parts of a name such as `parseConfig`, which may also stand apart. Empty for other words. */
  parts: string[];
  /** It looks like a name, code or path, or has no spaced words: it is looked for inside of words too. */
  fragment: boolean;
  /** Too short to be looked for inside of words: nearly every text has it somewhere. */
  whole: boolean;
  /** A phrase in quotes: only ever found as typed. */
  phrase: boolean;
  /** How much it counts, 1 for what was typed, less for what was made of it. */
  weight: number;
}

export interface Query {
  /** The whole query as typed, with which texts are compared first; "" for a letter, which is looked for as a word. */
  text: string;
  /** At most three words, a phrase in quotes being one: probably a fragment or a name rather than a question. */
  short: boolean;
  /** Its words. `and` asks for all of them. */
  words: Term[];
  /** What any-match looks for: its words without those that say nothing, and the parts of those that have any. */
  terms: Term[];
}

// Work is bounded whatever is pasted into a query: what lies beyond is not looked at.
const maxCharacters = 4096;
const maxWords = 48;
const maxShortWords = 3;

/** Words that say nothing about a subject. Few on purpose: how rare a word is already decides how much it counts. */
const stopWords = new Set(
  `a about after all am an and any are as at be been but by can could did do does doing done for from get had has have
  how i if in into is it its just me my no not of on or our out should so some than that the their them then there these
  they this those to up us was we were what when where which who whom whose why will with would you your`.split(/\s+/),
);

/** Reads a query. Nothing in it is an operator but a pair of quotes around a phrase. */
export function parseQuery(raw: string): Query {
  const typed = raw.slice(0, maxCharacters);
  const chunks = (typed.match(chunk) ?? []).slice(0, maxWords).map(readChunk);
  const words = chunks.map(wordTerm).filter((term) => term.text !== "");
  const telling = words.filter((term) => !isStopWord(term) && !/^[.,;:!?。、…]+$/.test(term.text));
  const asked = distinct(telling.length ? telling : words);
  const [only] = asked;
  // Asked for alone, two letters may be anywhere.
  if (asked.length === 1 && only!.text.length === 2) asked[0] = { ...only!, whole: false };
  const short = chunks.length <= maxShortWords;
  const onlyPhrase = words.length === 1 && words[0]!.phrase;
  const text = onlyPhrase ? words[0]!.text : fold(typed);
  return {
    text: asked.some((term) => term.whole && term.text === text) ? "" : text,
    short,
    words: asked,
    terms: anyTerms(chunks, words),
  };
}

interface Chunk {
  text: string;
  phrase: boolean;
}

/** Text in quotes that stand at the borders of words, else everything up to a space. */
const chunk = /["“「『][^"“”「」『』]*[^"“”「」『』\s]["”」』](?=[.,;!?。、]*(?:\s|$))|\S+/gu;

function readChunk(text: string): Chunk {
  const quoted = /^["“「『](.+)["”」』]$/su.exec(text)?.[1];
  // Quotes around a single spaced word add nothing, and may belong to the code that was pasted.
  return quoted !== undefined && quoted.trim() !== "" ? { text: quoted, phrase: true } : { text, phrase: false };
}

function wordTerm({ text, phrase }: Chunk): Term {
  return phrase ? { ...termOf(text, 1), text: fold(text), stems: [], parts: [], phrase } : termOf(text, 1);
}

function termOf(typed: string, weight: number): Term {
  const text = withoutPunctuation(fold(typed));
  const words = wordsOf(text);
  const names = nameParts(typed);
  const isName = names.length === 1 && words.length === 1 && !isUnspaced(text); // `parse` apart is no `parseの設定`
  const parts = isName ? names[0]!.map(stemOf) : [];
  const fragment = parts.length > 0 || words.length !== 1 || words[0] !== text || /\d/.test(text);
  // The letter of `C++` or `C#` alone is another word.
  const told = isUnspaced(text) || (words.join("").length === 1 && text.length > 1) ? [] : words;
  const whole = text.length <= 2 && isSpacedWord(text);
  return { text, stems: told.map(stemOf), parts, fragment, whole, phrase: false, weight };
}

const isTelling = (text: string) => /[\p{L}\p{N}]/u.test(text);

/** What a sentence puts around a word. Text of punctuation alone stays as it is. */
function withoutPunctuation(text: string): string {
  const opening = (character: string) => "(\"'`「『（【<[{".includes(character);
  const closing = (character: string) => ".,;:!?。、…)\"'`」』）】>]}".includes(character);
  return isTelling(text) ? trimmed(text, opening, closing) : text;
}

/** A text without what is at its ends. A loop, since an expression for the end of a text tries every start. */
function trimmed(text: string, atStart: (character: string) => boolean, atEnd: (character: string) => boolean): string {
  let [start, end] = [0, text.length];
  while (start < end && atStart(text[start]!)) start++;
  while (end > start && atEnd(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function isStopWord({ text, phrase }: Term): boolean {
  return !phrase && stopWords.has(text);
}

/** The terms of an any-match. Stop words and hiragana are among them only where there is nothing else. */
function anyTerms(chunks: Chunk[], words: Term[]): Term[] {
  const terms = chunks.flatMap((given) => {
    if (given.phrase) return [{ ...wordTerm(given), weight: phraseWeight }];
    return byWriting(given.text).flatMap((piece) => (isUnspaced(piece) ? unspacedTerms(piece) : spacedTerms(piece)));
  });
  const telling = terms.filter((term) => !isStopWord(term));
  if (telling.length > 0) return distinct(telling).slice(0, maxWords);
  const syllables = words.filter(({ text }) => isUnspaced(text)).flatMap(({ text }) => groups(text, 3));
  return distinct([...words, ...syllables.map((text) => termOf(text, partWeight))]).slice(0, maxWords);
}
const phraseWeight = 2;

/** A word, the words in it where it is a name, a path, or hyphenated, and what symbols stand around. */
function spacedTerms(piece: string): Term[] {
  const whole = termOf(piece, 1);
  if (!isTelling(whole.text)) return []; // symbols alone: too many entries have them
  const isSymbol = (character: string) => !/[\p{L}\p{N}\p{Cs}]/u.test(character);
  const core = trimmed(whole.text, isSymbol, isSymbol);
  const inner = [...(whole.stems.length > 1 ? wordsOf(whole.text) : []), ...nameParts(piece).flat()];
  const telling = inner.filter((word) => word.length > 1 && !stopWords.has(word));
  const parts = telling.map((word) => ({ ...termOf(word, partWeight), fragment: false }));
  return core === whole.text || core.length === 1 ? [whole, ...parts] : [whole, termOf(core, partWeight), ...parts];
}
const partWeight = 0.4;

/**
 * Japanese by its scripts: a run of katakana is a word; a run of kanji is one or several, so its pairs are looked for
 * too; hiragana is mostly grammar. How rare each is does the rest.
 */
function unspacedTerms(piece: string): Term[] {
  const telling = (fold(piece).match(scriptRuns) ?? []).filter((run) => !/^[ぁ-ゟ]/.test(run));
  return telling.flatMap((run) => {
    const pairs = run.length > 2 && !/^[ァ-ヺー]/.test(run) ? groups(run, 2) : [];
    return [termOf(run, 1), ...pairs.map((text) => termOf(text, partWeight))];
  });
}
const scriptRuns = /[ぁ-ゟ]+|[ァ-ヺー]+|[^ぁ-ゟァ-ヺー]+/g;

function groups(run: string, size: number): string[] {
  const characters = Array.from(run);
  return characters.slice(size - 1).map((_, i) => characters.slice(i, i + size).join(""));
}

/** Each term once, the weightiest of those with one text. */
function distinct(terms: Term[]): Term[] {
  const best = new Map<string, Term>();
  for (const term of terms) if ((best.get(term.text)?.weight ?? 0) < term.weight) best.set(term.text, term);
  return [...best.values()];
}
