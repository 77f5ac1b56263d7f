import { getMemory } from "./get-memory.ts";
import { save } from "./save.ts";
import { search } from "./search.ts";

/** Every operation, in the order help and tools/list show them. */
export const operations = [save, search, getMemory];
