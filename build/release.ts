/**
 * Makes the folder that a release is: an archive for each target, install.sh, the notices and SHA256SUMS over all of it.
 * `bun run release [--target T]… [--out DIR]`. The same sources give the same bytes, so that a second machine can check.
 */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { zipSync } from "fflate";
import { repository } from "../package.json";
import { compile, hostTarget, targets, type Target } from "./compile.ts";

const root = join(import.meta.dir, "..");
const documents = ["LICENSE", "THIRD-PARTY-NOTICES.md"];

/** The owner/name of the repository, whose one home is package.json. */
export function repositoryName(): string {
  return /github\.com\/([^/]+\/[^/.]+)/.exec(repository.url)![1]!;
}

/** The installer as a release carries it: it downloads from the repository of package.json. */
export async function installer(): Promise<string> {
  const text = await Bun.file(join(root, "install.sh")).text();
  return text
    .replace(/^repository=.*$/m, `repository=${repositoryName()}`)
    .replace("OWNER/REPOSITORY", repositoryName());
}

/** Makes a release of the given targets in a folder, which is emptied first. */
export async function release(wanted: readonly Target[], out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const target of wanted) await archive(target, out);
  await Bun.write(join(out, "install.sh"), await installer());
  chmodSync(join(out, "install.sh"), 0o755);
  for (const document of documents) copyFileSync(join(root, document), join(out, document));
  await Bun.write(join(out, "SHA256SUMS"), await checksums(out));
}

async function archive(target: Target, out: string): Promise<void> {
  const work = join(out, `.work-${target}`);
  const binary = basename(await compile(target, work));
  for (const document of documents) copyFileSync(join(root, document), join(work, document));
  const files = [binary, ...documents];
  if (target.startsWith("windows")) {
    const contents = await Promise.all(files.map((file) => Bun.file(join(work, file)).bytes()));
    const entries = Object.fromEntries(files.map((file, i) => [file, contents[i]!]));
    await Bun.write(join(out, `kioku-mesh-${target}.zip`), zipSync(entries, { mtime: "1980-01-01T00:00:00" }));
  } else {
    const tar = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
    run(["tar", ...tar, "-cf", join(work, "a.tar"), "-C", work, ...files]);
    run(["gzip", "-n", join(work, "a.tar")]);
    copyFileSync(join(work, "a.tar.gz"), join(out, `kioku-mesh-${target}.tar.gz`));
  }
  rmSync(work, { recursive: true, force: true });
}

async function checksums(out: string): Promise<string> {
  const lines = [];
  for (const file of readdirSync(out).toSorted()) {
    const bytes = await Bun.file(join(out, file)).bytes();
    lines.push(`${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${file}\n`);
  }
  return lines.join("");
}

function run(command: string[]): void {
  const { exitCode } = Bun.spawnSync(command, { stdio: ["ignore", "inherit", "inherit"] });
  if (exitCode !== 0) throw new Error(`${command[0]} failed with status ${exitCode}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      target: { type: "string", multiple: true, default: [...targets] },
      host: { type: "boolean", default: false },
      out: { type: "string", default: join(root, "dist/release") },
    },
  });
  const wanted = values.host ? [hostTarget()] : targets.filter((target) => values.target.includes(target));
  await release(wanted, values.out);
  for (const file of readdirSync(values.out).toSorted()) console.log(join(values.out, file));
}
