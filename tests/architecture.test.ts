import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";
import { dependencies } from "../package.json";
import { readPage } from "./pages.ts";

const src = join(import.meta.dir, "../src");
const files = [...new Glob("**/*.ts").scanSync(src)];

/** Who may import whom. Arrows point down and never up. */
const allowed: { [folder: string]: string[] } = {
  "main.ts": ["cli", "mcp", "mesh", "host", "ops", "store", "sync", "seal", "zenoh", "router", "core"],
  mesh: ["mesh", "ops", "host", "store", "sync", "seal", "zenoh", "router", "core"],
  cli: ["cli", "ops", "core"],
  mcp: ["mcp", "ops", "core"],
  ops: ["ops", "store", "sync", "core"],
  zenoh: ["zenoh", "sync", "core"],
  sync: ["sync", "seal", "store", "core"],
  router: ["router", "seal", "host", "core"],
  seal: ["seal", "core"],
  store: ["store", "core"],
  host: ["host", "core"],
  core: ["core"],
};

/** Each dependency has one home. */
const homes: { [dependency: string]: string[] } = {
  "bun:sqlite": ["store"],
  citty: ["cli"],
  "@modelcontextprotocol/sdk": ["mcp"],
  "@eclipse-zenoh/zenoh-ts": ["zenoh"],
  "@noble/curves": ["seal"],
  "@peculiar/asn1-schema": ["seal"],
  "@peculiar/asn1-x509": ["seal"],
  fflate: ["router"],
  confbox: ["host"],
  "jsonc-parser": ["host"],
  zod: ["core", "ops", "cli", "mcp"],
};

test("the page on the architecture says the same", async () => {
  const { tables } = await readPage("docs/architecture.md");
  const rows = tables.filter(([folder]) => /^`[\w.]+\/?`$/.test(folder!));
  const told = rows.map(([folder, , imports]) => [
    folder!.replaceAll(/[`/]/g, ""),
    imports === "all"
      ? "all"
      : imports!
          .replaceAll(/[^a-z ]/g, "")
          .split(" ")
          .filter(Boolean)
          .toSorted(),
  ]);
  const ruled = Object.entries(allowed).map(([folder, imports]) => [
    folder,
    folder === "main.ts" ? "all" : imports.filter((name) => name !== folder).toSorted(),
  ]);
  expect(new Map(told as [string, unknown][])).toEqual(new Map(ruled as [string, unknown][]));
});

test("every dependency has a home, and is used there", async () => {
  const texts = await Promise.all(files.map((file) => Bun.file(join(src, file)).text()));
  const used = Object.keys(homes).filter((name) => texts.some((text) => text.includes(`"${name}`)));
  expect([...Object.keys(dependencies), "bun:sqlite"].toSorted()).toEqual(used.toSorted());
});

for (const file of files) {
  test(`imports of ${file}`, async () => {
    const folder = file.split("/")[0]!;
    const text = await Bun.file(join(src, file)).text();
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      if (specifier!.startsWith(".")) {
        const target = relative(src, join(src, dirname(file), specifier!)).split("/")[0]!;
        expect(allowed[folder]).toContain(target);
      } else {
        const home = Object.entries(homes).find(([name]) => specifier === name || specifier!.startsWith(`${name}/`));
        if (home) expect(home[1]).toContain(folder);
      }
    }
    if (folder !== "main.ts" && file !== "mcp/serve.ts") {
      expect(text).not.toMatch(/\bprocess\.(exit|exitCode|stdin|stdout|stderr|env|argv)\b/);
    }
  });
}
