/**
 * The stem of a lowercase English word: M. F. Porter, "An algorithm for suffix stripping", Program 14 (1980). Words
 * with other letters or digits, and those of one or two letters, are their own stems.
 */
export function stem(word: string): string {
  if (word.length < 3 || word.length > 63 || !/^[a-z]+$/.test(word)) return word;
  const known = stems.get(word);
  if (known !== undefined) return known;
  if (stems.size >= mostStems) stems.clear();
  const own = Buffer.from(word).toString(); // a part of a text would keep the whole of it in memory
  const found = suffixStripped(own);
  stems.set(own, found);
  return found;
}

/** Stems by word: many texts have few words. */
const stems = new Map<string, string>();
const mostStems = 10_000;

function suffixStripped(word: string): string {
  let w = withoutPlural(word);
  w = withoutPast(w);
  if (w.endsWith("y") && hasVowel(w, w.length - 1)) w = `${w.slice(0, -1)}i`;
  w = replaced(w, step2, 0);
  w = replaced(w, step3, 0);
  w = withoutSuffix(w);
  return withoutFinalE(w);
}

/** Step 1a. */
function withoutPlural(w: string): string {
  if (!w.endsWith("s")) return w;
  if (w.endsWith("sses") || w.endsWith("ies")) return w.slice(0, -2);
  return w.endsWith("ss") ? w : w.slice(0, -1);
}

/** Step 1b. */
function withoutPast(w: string): string {
  if (w.endsWith("eed")) return measure(w, w.length - 3) > 0 ? w.slice(0, -1) : w;
  const cut = w.endsWith("ed") ? 2 : w.endsWith("ing") ? 3 : 0;
  if (cut === 0 || !hasVowel(w, w.length - cut)) return w;
  const root = w.slice(0, -cut);
  if (root.endsWith("at") || root.endsWith("bl") || root.endsWith("iz")) return `${root}e`;
  if (endsDoubled(root) && !/[lsz]$/.test(root)) return root.slice(0, -1);
  return measure(root, root.length) === 1 && endsShort(root) ? `${root}e` : root;
}

// By the suffix's last letter but one, as the paper does: few comparisons for each word.
const step2 = byPenultimate({
  ational: "ate", tional: "tion", enci: "ence", anci: "ance", izer: "ize", logi: "log", bli: "ble", alli: "al",
  entli: "ent", eli: "e", ousli: "ous", ization: "ize", ation: "ate", ator: "ate", alism: "al", iveness: "ive",
  fulness: "ful", ousness: "ous", aliti: "al", iviti: "ive", biliti: "ble",
}); // prettier-ignore
const step3 = byPenultimate({
  icate: "ic", ative: "", alize: "al", iciti: "ic", ical: "ic", ful: "", ness: "",
}); // prettier-ignore
const step4 = byPenultimate({
  al: "", ance: "", ence: "", er: "", ic: "", able: "", ible: "", ant: "", ement: "", ment: "", ent: "", ion: "", ou: "",
  ism: "", ate: "", iti: "", ous: "", ive: "", ize: "",
}); // prettier-ignore

type Rules = { [penultimate: string]: [suffix: string, replacement: string][] };

function byPenultimate(rules: { [suffix: string]: string }): Rules {
  const longestFirst = Object.entries(rules).toSorted(([a], [b]) => b.length - a.length);
  return Object.groupBy(longestFirst, ([suffix]) => suffix.at(-2)!) as Rules;
}

function ruleFor(w: string, rules: Rules): [suffix: string, replacement: string] | undefined {
  return rules[w.at(-2)!]?.find(([suffix]) => w.endsWith(suffix));
}

/** Steps 2 and 3: the longest suffix is replaced where what stands before it has more than `least` measures. */
function replaced(w: string, rules: Rules, least: number): string {
  const rule = ruleFor(w, rules);
  if (!rule) return w;
  const end = w.length - rule[0].length;
  return measure(w, end) > least ? w.slice(0, end) + rule[1] : w;
}

/** Step 4; `ion` only goes after s or t. */
function withoutSuffix(w: string): string {
  if (w.endsWith("ion") && !/[st]ion$/.test(w)) return w;
  return replaced(w, step4, 1);
}

/** Step 5. */
function withoutFinalE(w: string): string {
  let result = w;
  if (w.endsWith("e")) {
    const root = w.slice(0, -1);
    const m = measure(root, root.length);
    if (m > 1 || (m === 1 && !endsShort(root))) result = root;
  }
  return result.endsWith("ll") && measure(result, result.length) > 1 ? result.slice(0, -1) : result;
}

function isVowel(w: string, i: number): boolean {
  switch (w.charCodeAt(i)) {
    case 97:
    case 101:
    case 105:
    case 111:
    case 117: // prettier-ignore
      return true;
    case 121: // y is a vowel after a consonant
      return i > 0 && !isVowel(w, i - 1);
    default:
      return false;
  }
}

/** How often a vowel is followed by a consonant in the first `end` letters. */
function measure(w: string, end: number): number {
  let m = 0;
  let vowel = false;
  for (let i = 0; i < end; i++) {
    const now = isVowel(w, i);
    if (vowel && !now) m++;
    vowel = now;
  }
  return m;
}

function hasVowel(w: string, end: number): boolean {
  for (let i = 0; i < end; i++) if (isVowel(w, i)) return true;
  return false;
}

function endsDoubled(w: string): boolean {
  return w.length > 1 && w.at(-1) === w.at(-2) && !isVowel(w, w.length - 1);
}

/** Ends consonant, vowel, consonant, the last none of w, x, y. */
function endsShort(w: string): boolean {
  const last = w.length - 1;
  return last > 1 && !isVowel(w, last) && isVowel(w, last - 1) && !isVowel(w, last - 2) && !/[wxy]$/.test(w);
}
