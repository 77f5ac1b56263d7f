/**
 * Times are ISO-8601 UTC text with exactly six fractional digits and `Z`, so that they sort as text beside those of the
 * Python original.
 */

/** The text of an instant given in milliseconds since 1970 (a Date works too). */
export function timestamp(instant: Date | number): string {
  return `${new Date(instant).toISOString().slice(0, -1)}000Z`;
}

const iso = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i;

/** Canonical text of a day that every month has: as it stands nearly everywhere, and in no need of more. */
const canonical = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}\.\d{6}Z$/;

/**
 * The canonical text of an ISO-8601 date or time, undefined where it is none. Without an offset it is UTC. What the
 * text leaves out (time of day, seconds, fraction) becomes its first instant, or its last with `end`.
 */
export function parseTime(text: string, end = false): string | undefined {
  if (canonical.test(text)) return text;
  const match = iso.exec(text.trim());
  if (!match) return undefined;
  const [, day, clock, seconds, fraction, offset = "Z"] = match;
  const whole = `${day}T${clock ?? (end ? "23:59" : "00:00")}:${seconds ?? (end ? "59" : "00")}`;
  const instant = Date.parse(`${whole}${offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset}`);
  if (Number.isNaN(instant) || !isCalendarDay(day!)) return undefined;
  const digits = fraction ?? (end ? "999999" : "");
  return `${new Date(instant).toISOString().slice(0, 19)}.${digits.slice(0, 6).padEnd(6, "0")}Z`;
}

/** Date.parse rolls 31 February over into March. */
function isCalendarDay(day: string): boolean {
  const parsed = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day);
}

const unitMilliseconds = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of `90s`, `30m`, `12h`, `7d` or `2w`, undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhdw])$/.exec(text.trim());
  return match ? Number(match[1]) * unitMilliseconds[match[2] as keyof typeof unitMilliseconds] : undefined;
}

/** A bound of a search: an ISO date or time, or a duration before now (`7d`). Undefined where it is neither. */
export function parseBound(text: string, now: Date, end = false): string | undefined {
  const ago = parseDuration(text);
  if (ago === undefined) return parseTime(text, end);
  const instant = now.getTime() - ago;
  return instant >= 0 ? timestamp(instant) : undefined;
}
