import { UserError } from "../core/errors.ts";

const names =
  "content|subject|summary|project|tags|memory_type|importance|source_files|references|supersedes|visibility|expires_at|ttl";

/** The end of one argument that runs into the next one: `</content>\n<subject>`. */
const spill = new RegExp(`</(?:content|subject|summary)>\\s*</?(?:${names})>`);
/** The tag of an argument: `<parameter name="tags">`. */
const tag = new RegExp(`<(?:\\w+:)?parameter name="(?:${names})"`);

/**
 * Refuses texts that hold the remains of a tool call. A model that garbles its call puts the later arguments into an
 * earlier one; saved like that, they would be missing where they belong and read as text for ever.
 */
export function refuseDebris(fields: { [name: string]: string }): void {
  for (const [name, value] of Object.entries(fields)) {
    const found = spill.exec(value) ?? tag.exec(value);
    if (!found) continue;
    const remains = found[0].replaceAll(/\s+/g, " ");
    throw new UserError("usage", `${name} holds the remains of a tool call: ${remains}`, {
      hint: "nothing was saved; save again with every field as an argument of its own, and without such tags in the text",
    });
  }
}
