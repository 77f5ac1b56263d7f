import { UserError } from "../core/errors.ts";
import { isId } from "../core/record.ts";
import { timestamp } from "../core/time.ts";
import type { Found } from "../store/reader.ts";
import type { Context } from "./context.ts";
import { text } from "./fields.ts";

export const observationId = text.describe("Its id, or 8 or more first digits.");

/** The observation an id or a unique prefix of one names, whatever has become of it. */
export function requireObservation(ctx: Context, id: string): Found {
  const full = isId(id) ? id : idWithPrefix(ctx, id);
  const found = ctx.store().observation(full, timestamp(ctx.now()));
  if (found) return found;
  throw new UserError("notFound", `observation_id ${id} not found.`, {
    literal: true,
    exit: 1,
    hint: "a search shows the ids there are",
  });
}

/** Whether a text can name an observation: its id or the first digits of one, in capitals too. */
export function isIdPrefix(text: string): boolean {
  return /^[0-9a-f]{8,32}$/i.test(text);
}

/** The id that a prefix of one stands for; the prefix where nothing here begins so. Throws UserError where it is none. */
export function idWithPrefix(ctx: Context, text: string): string {
  if (!isIdPrefix(text)) {
    throw new UserError("usage", "observation_id must be a full 32-character match.", {
      literal: true,
      hint: "or give the first 8 or more digits, where they are unique",
    });
  }
  const prefix = text.toLowerCase();
  const ids = ctx.store().idsWithPrefix(prefix);
  if (ids.length > 1) {
    throw new UserError("usage", `observation_id ${prefix} is not unique.`, {
      literal: true,
      hint: "give more digits",
    });
  }
  return ids[0] ?? prefix;
}
