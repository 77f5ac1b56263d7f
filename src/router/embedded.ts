import type { RouterTarget } from "./release.ts";

/** One part of the router inside this binary. */
export interface EmbeddedFile {
  name: string;
  /** Of the unpacked file. */
  sha256: string;
  size: number;
  /** Where `Bun.file` finds it, compressed with zstd. */
  path: string;
}

export interface EmbeddedRouter {
  version: string;
  target: RouterTarget;
  files: EmbeddedFile[];
}

/** The router that travels inside the binary. `build/embed-router.ts` fills it in; run from source there is none. */
export const embedded: EmbeddedRouter | undefined = undefined;
