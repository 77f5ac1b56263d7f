import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { writePrivateFile } from "../host/files.ts";
import type { EmbeddedRouter } from "./embedded.ts";
import { directoryName, type Manifest, readManifest, verifyRouter, writeManifest } from "./manifest.ts";
import { isAlive, privateDirectory } from "./private-files.ts";
import { fileNames, parts, type RouterPart } from "./release.ts";

/** A router on this machine, ready to start: where its parts are. */
export interface Router extends Record<RouterPart, string> {
  version: string;
  directory: string;
}

const selectionName = "selected";

/**
 * The router to start: the one that `zenohd install` chose, unless the binary carries a newer one, else the binary's own,
 * unpacked at first use; those of earlier versions are removed. Every call checks each file's SHA-256, and one that is
 * damaged or gone is put back.
 * Throws UserError `unavailable` where there is none. `root` is the state directory's `router/`.
 */
export async function provideRouter(root: string, embedded: EmbeddedRouter | undefined): Promise<Router> {
  const router = await verifiedRouter(root, embedded);
  removeOldRouters(root, router);
  return router;
}

async function verifiedRouter(root: string, embedded: EmbeddedRouter | undefined): Promise<Router> {
  const selected = readSelection(root);
  const manifest = selected && readManifest(selected);
  if (manifest && (!embedded || Bun.semver.order(manifest.version, embedded.version) >= 0)) {
    const problems = await verifyRouter(selected);
    if (problems.length === 0) return routerIn(selected, manifest);
    if (!embedded)
      throw new UserError("corrupt", `the installed router is damaged: ${problems.join(", ")}`, {
        hint: "kioku-mesh zenohd install",
      });
  }
  if (!embedded) throw noRouter();
  return await placeRouter(root, embedded, (directory) => unpackEmbedded(embedded, directory));
}

/** What a host hears whose build carries no router, as those of most platforms do. */
export function noRouter(): UserError {
  return new UserError("unavailable", "this build carries no router and none is installed", {
    hint: "`kioku-mesh zenohd install` fetches Zenoh's own and verifies it; saves and searches need none",
  });
}

/** Where the router is, or would be after its first use, without unpacking or checking anything. */
export function locateRouter(root: string, embedded: EmbeddedRouter | undefined): Router | undefined {
  const selected = readSelection(root);
  const manifest = selected && readManifest(selected);
  if (manifest && (!embedded || Bun.semver.order(manifest.version, embedded.version) >= 0))
    return routerIn(selected, manifest);
  return embedded && routerIn(join(root, directoryName(embedded)), embedded);
}

/**
 * Puts a router in place: `fill` writes its files into a fresh directory, which is checked and then renamed. The name carries
 * the content's digest, so any number of processes can do this at once, and whichever is last finds the same thing there.
 */
export async function placeRouter(
  root: string,
  manifest: Manifest,
  fill: (directory: string) => Promise<void>,
): Promise<Router> {
  privateDirectory(root);
  const directory = join(root, directoryName(manifest));
  if (existsSync(directory) && (await verifyRouter(directory)).length === 0) return routerIn(directory, manifest);
  const stage = stageDirectory(root);
  try {
    await fill(stage);
    writeManifest(stage, manifest);
    const problems = await verifyRouter(stage);
    if (problems.length > 0) throw new UserError("corrupt", `the router is damaged: ${problems.join(", ")}`);
    await moveInto(stage, directory);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
  return routerIn(directory, manifest);
}

/** A new private directory under `root`, which a later clean-up removes should this process not live to do it. */
export function stageDirectory(root: string): string {
  const stage = join(privateDirectory(root), `.stage-${process.pid}-${randomBytes(4).toString("hex")}`);
  mkdirSync(stage, { mode: 0o700 });
  return stage;
}

/** Makes an installed router the one that `provideRouter` gives; undefined goes back to the binary's own. */
export function selectRouter(root: string, router: Router | undefined): void {
  if (router) writePrivateFile(join(root, selectionName), router.directory.slice(root.length + 1));
  else rmSync(join(root, selectionName), { force: true });
}

/** Marks a router as in use by this process until the returned function is called. */
export function holdRouter({ directory }: Router): () => void {
  const path = join(directory, `in-use-${process.pid}`);
  writeFileSync(path, "", { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/** Removes the routers and stages that nobody uses. */
function removeOldRouters(root: string, current: Router): void {
  const kept = [current.directory, readSelection(root)];
  const old = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "downloads" && !kept.includes(join(root, entry.name)))
    .filter(({ name }) => !isInUse(root, name));
  for (const { name } of old) {
    try {
      rmSync(join(root, name), { recursive: true, force: true });
    } catch {
      // Windows keeps a program that still runs; the next clean-up gets it
    }
  }
}

function isInUse(root: string, name: string): boolean {
  const stagedBy = /^\.(?:stage|damaged)-(\d+)-/.exec(name)?.[1];
  if (stagedBy) return isAlive(Number(stagedBy));
  return readdirSync(join(root, name)).some((file) => {
    const holder = /^in-use-(\d+)$/.exec(file)?.[1];
    return holder !== undefined && isAlive(Number(holder));
  });
}

async function unpackEmbedded({ files }: EmbeddedRouter, directory: string): Promise<void> {
  for (const { name, path } of files) {
    const content = await Bun.zstdDecompress(await Bun.file(path).bytes());
    writeFileSync(join(directory, name), content, { mode: isProgram(name) ? 0o700 : 0o600 });
  }
}

/** Only the program itself is ever executed; the others are loaded. */
export function isProgram(name: string): boolean {
  return name === "zenohd" || name === "zenohd.exe";
}

async function moveInto(stage: string, directory: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      renameSync(stage, directory);
      return;
    } catch (error) {
      if (!existsSync(directory) || attempt === 3) throw error;
      if ((await verifyRouter(directory)).length === 0) return; // another process was faster
      setAside(directory);
    }
  }
}

function setAside(directory: string): void {
  const aside = join(directory, "..", `.damaged-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    renameSync(directory, aside);
    rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // another process was faster
  }
}

/** The router whose files lie in a directory. */
export function routerIn(directory: string, { version, target }: Manifest): Router {
  const names = fileNames(target);
  const paths = Object.fromEntries(parts.map((part) => [part, join(directory, names[part])]));
  return { ...(paths as Record<RouterPart, string>), version, directory };
}

function readSelection(root: string): string | undefined {
  const path = join(root, selectionName);
  if (!existsSync(path)) return undefined;
  const name = readFileSync(path, "utf8").trim();
  return /^[\w.+-]+$/.test(name) && !name.startsWith(".") ? join(root, name) : undefined;
}
