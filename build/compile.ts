/**
 * Compiles the program: `bun build/compile.ts --host` for this machine (dist/kioku-mesh and its link for agents), or for
 * each `--target` (default: all) into dist/<target>/. Same source and same Bun give the same bytes.
 */
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../package.json";
import { embedRouter } from "./embed-router.ts";
import { wasmEsm } from "./wasm-esm.ts";

export const targets = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "windows-x64",
] as const;
export type Target = (typeof targets)[number];

const root = join(import.meta.dir, "..");

/** How many times longer than usual code is interpreted before it is compiled. */
const jitPolicy = 8;

/** Compiles for one target into a folder; gives the path of the binary. */
export async function compile(target: Target, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const { outputs } = await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    plugins: [wasmEsm, embedRouter(target)],
    format: "esm",
    minify: { whitespace: true, syntax: true, identifiers: true, keepNames: true },
    bytecode: true,
    splitting: true, // a start reads only the chunks it runs: 4 ms and 5 MB
    sourcemap: "linked",
    allowUnresolved: [], // no import() of anything that is not in the binary
    define: { KIOKU_VERSION: JSON.stringify(version), "process.env.NODE_ENV": '"production"' },
    // The base name is baked in, so it is the same for every target. Nothing of the working directory is ever loaded.
    compile: {
      target: `bun-${target}`,
      outfile: join(folder, "kioku-mesh"),
      autoloadDotenv: false,
      autoloadBunfig: false,
      jitPolicy, // a command is over before compiling its code pays: 8 ms. A server says when it goes on (mcp/serve.ts)
    },
  });
  for (const map of new Bun.Glob("*.map").scanSync(folder)) rmSync(join(folder, map)); // the binary has them inside
  return outputs[0]!.path;
}

/** The target of the machine this runs on. */
export function hostTarget(): Target {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const musl = process.platform === "linux" && !isGlibc() ? "-musl" : "";
  const target = targets.find((known) => known === `${os}-${process.arch}${musl}`);
  if (!target) throw new Error(`no target for ${os}-${process.arch}`);
  return target;
}

function isGlibc(): boolean {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

/** Puts the host's binary and the link that agents start into dist/, in one step each. */
async function compileHost(dist: string): Promise<void> {
  const work = join(dist, `.host-${process.pid}`);
  const built = await compile(hostTarget(), work);
  const name = process.platform === "win32" ? "kioku-mesh.exe" : "kioku-mesh";
  renameSync(built, join(dist, name));
  rmSync(work, { recursive: true, force: true });
  const link = join(dist, name.replace("kioku-mesh", "kioku-mesh-mcp"));
  rmSync(link, { force: true });
  if (process.platform === "win32") copyFileSync(join(dist, name), link);
  else symlinkSync(name, link);
  chmodSync(join(dist, name), 0o755);
  console.log(join(dist, name));
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      host: { type: "boolean", default: false },
      target: { type: "string", multiple: true, default: [...targets] },
      out: { type: "string", default: join(root, "dist") },
    },
  });
  if (values.host) await compileHost(values.out);
  else {
    for (const target of values.target) {
      if (!targets.includes(target as Target))
        throw new Error(`unknown target ${target}: one of ${targets.join(", ")}`);
      const path = await compile(target as Target, join(values.out, target));
      console.log(path, Bun.file(path).size);
    }
  }
}
