/**
 * JSON text with `", "` and `": "` between items, the form in which the Python original writes payloads. Lone
 * surrogates are escaped, so the text is always valid UTF-8.
 */
export function payloadJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(payloadJson).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}: ${payloadJson(member)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** The object in a JSON text, undefined for anything that is not exactly one object. */
export function parseObject(text: string): { [key: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined; // hostile or damaged input is an expected outcome here, told by the return value
  }
}
