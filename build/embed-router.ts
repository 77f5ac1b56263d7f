import { dirname, relative } from "node:path";
import type { BunPlugin } from "bun";
import type { RouterTarget } from "../src/router/release.ts";
import { cacheRoot, readCache } from "./router-cache.ts";

/**
 * Puts the router of a target, if `bun run router` has provided one, into the binary: `src/router/embedded.ts` is given a
 * body that imports the compressed files. Without one the binary carries none, and says so when it needs it.
 */
export function embedRouter(target: RouterTarget, root = cacheRoot): BunPlugin {
  return {
    name: "embed-router",
    setup(build) {
      build.onLoad({ filter: /[\\/]src[\\/]router[\\/]embedded\.ts$/ }, ({ path }) => {
        const cached = readCache(target, root);
        if (!cached) return { contents: "export const embedded = undefined;", loader: "js" };
        // Relative, because these lines go into the source map: the same build elsewhere must give the same bytes.
        const folder = relative(dirname(path), cached.directory).replaceAll("\\", "/");
        const imports = cached.files.map(
          ({ name }, index) => `import file${index} from "${folder}/${name}.zst" with { type: "file" };`,
        );
        const files = cached.files.map((file, index) => `{ ...${JSON.stringify(file)}, path: file${index} }`);
        const { version } = cached;
        const contents = [
          ...imports,
          `const files = [${files.join(", ")}];`,
          `export const embedded = { version: ${JSON.stringify(version)}, target: "${target}", files };`,
        ].join("\n");
        return { contents, loader: "js" };
      });
    },
  };
}
