import { z } from "zod";
import { memoryTypes, visibilities } from "../core/observation.ts";
import { repr } from "./python.ts";

/** The longest content of a save, in bytes of UTF-8. */
export const maxContentBytes = 1024 * 1024;

/** Text that can be stored and found again: no NUL, and no half of a surrogate pair, which UTF-8 cannot hold. */
export const text = z
  .string()
  .refine((value) => !value.includes("\0"), "must not contain NUL characters")
  .refine((value) => value.isWellFormed(), "must be valid Unicode (it contains a lone surrogate)");

export const memoryType = z.enum(memoryTypes, {
  error: ({ input }) => {
    const got = typeof input === "string" ? repr(input) : JSON.stringify(input);
    return `must be one of [${memoryTypes.map(repr).join(", ")}]. got: ${got}`;
  },
});
export const importance = z.int().min(1).max(5);
export const visibility = z.enum(visibilities);
export const list = z.array(text);
