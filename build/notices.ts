/**
 * Writes THIRD-PARTY-NOTICES.md: the licence of everything a binary of ours contains, read from the bundle itself.
 * `bun run notices`; a test fails when the file is stale.
 */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { wasmEsm } from "./wasm-esm.ts";

const root = join(import.meta.dir, "..");

const runtime = `# Third-party notices

A binary of kioku-mesh contains the Bun runtime and the packages below. Where it carries a Zenoh router, it contains that too.

## Bun

Bun ${Bun.version} is licensed under the MIT licence (Copyright (c) Jarred Sumner and contributors). It statically links
JavaScriptCore and WebKit (LGPL-2.0 and BSD), BoringSSL (OpenSSL and ISC licences), SQLite (public domain), zstd (BSD),
libarchive (BSD), mimalloc (MIT), c-ares (MIT), libuv (MIT) and others; the complete list with their texts and the sources
to relink the LGPL parts are at <https://bun.com/docs/project/licensing>.

## Zenoh router

\`zenohd\`, its storage-manager and remote-api plugins and the RocksDB volume (Copyright (c) ZettaScale Technology and the
Eclipse Zenoh contributors) are licensed under EPL-2.0 OR Apache-2.0, RocksDB (Copyright (c) Meta Platforms, Inc.) under
Apache-2.0. Unmodified sources: <https://github.com/eclipse-zenoh>.
`;

/** The text of the notices for the current sources and dependencies. */
export async function notices(): Promise<string> {
  const sections = [];
  for (const folder of await bundledPackages()) {
    const { name, version, license } = await Bun.file(join(folder, "package.json")).json();
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? (await Bun.file(join(folder, file)).text()).trim() : "(the package ships no licence text)";
    sections.push(`\n## ${name} ${version}\n\nLicence: ${license}\n\n\`\`\`text\n${text}\n\`\`\`\n`);
  }
  return runtime + sections.join("");
}

async function bundledPackages(): Promise<string[]> {
  const { metafile } = await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    plugins: [wasmEsm],
    target: "bun",
    metafile: true,
  });
  const folders = Object.keys(metafile!.inputs).flatMap((input) => {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    return match ? join(process.cwd(), match[1]!) : [];
  });
  return [...new Set(folders)].toSorted((a, b) => packageName(a).localeCompare(packageName(b), "en"));
}

function packageName(folder: string): string {
  return folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
}

if (import.meta.main) await Bun.write(join(dirname(import.meta.dir), "THIRD-PARTY-NOTICES.md"), await notices());
