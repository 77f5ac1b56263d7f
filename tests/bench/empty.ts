import { join } from "node:path";

/** Compiles a program that does nothing, as ours is compiled: the least that any command takes. Gives its path. */
export async function compileEmpty(directory: string): Promise<string> {
  const source = join(directory, "empty.ts");
  await Bun.write(source, "");
  const outfile = join(directory, "empty");
  await Bun.build({
    entrypoints: [source],
    format: "esm",
    bytecode: true,
    minify: true,
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
  });
  return outfile;
}
