/** An upstream on the loopback: GitHub's downloads and API, and Eclipse's folder, with faults to order. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { zipSync } from "fflate";
import type { Origins } from "../../src/router/digests.ts";
import { fileNames, releaseArchives, type RouterTarget } from "../../src/router/release.ts";

export const target: RouterTarget = "linux-x64";
export const version = "1.10.2";
export const archives = releaseArchives(version, target);

/** Contents of a router's files; not to be run. */
export function contents(seed = "a"): { [name: string]: Uint8Array } {
  const names = Object.values(fileNames(target));
  return Object.fromEntries(names.map((name) => [name, Buffer.from(`${seed} ${name}\n`.repeat(2_000))]));
}

/** The three zip files of a release. */
export function zips(files = contents()): { [name: string]: Uint8Array } {
  const entries = archives.map(({ name, parts }) => {
    const members = parts.map((part) => fileNames(target)[part]);
    const more: { [name: string]: Uint8Array } = {};
    if (name.startsWith("zenoh-1")) more["libzenoh_plugin_rest.so"] = Buffer.from("unwanted");
    return [
      name,
      zipSync({ ...Object.fromEntries(members.map((file) => [file, files[file]!])), ...more }, { level: 0 }),
    ];
  });
  return Object.fromEntries(entries);
}

export function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

export interface Upstream {
  origins: Origins;
  /** `folder/name` that were asked for, with the first byte wanted. */
  requests: { path: string; from: number }[];
  url: string;
  /** To be called with each progress of a download: a cut comes when all before it has arrived. */
  arrived(): void;
  close(): Promise<void>;
}

export interface Faults {
  files?: { [name: string]: Uint8Array };
  /** What GitHub's API says of a file; undefined leaves it out. */
  github?: (name: string) => string | undefined;
  /** The text of sha256sums.txt; undefined is none. */
  listing?: string;
  /** Cuts the n-th download after so many bytes. */
  cut?: (download: number) => number | undefined;
  /** GitHub's downloads answer with this instead. */
  githubStatus?: number;
  /** Where a path redirects to; undefined: nowhere. */
  redirect?: (path: string) => string | undefined;
}

export async function upstream(faults: Faults = {}): Promise<Upstream> {
  const files = faults.files ?? zips();
  const requests: Upstream["requests"] = [];
  let downloads = 0;
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url!, "http://x").pathname;
    const name = path.split("/").at(-1)!;
    const location = faults.redirect?.(path);
    if (location !== undefined) return void response.writeHead(302, { location }).end("moved");
    if (path.startsWith("/api/")) return void answerApi(response);
    if (name === "sha256sums.txt" && faults.listing !== undefined) return void response.end(faults.listing);
    const content = files[name];
    if (!content) return void response.writeHead(404).end();
    if (path.startsWith("/github/") && faults.githubStatus) return void response.writeHead(faults.githubStatus).end();
    sendFile(request, response, content, path);
  });
  function answerApi(response: ServerResponse): void {
    const digest = faults.github ?? ((name: string) => `sha256:${sha256(files[name]!)}`);
    const assets = Object.keys(files).map((name) => ({ name, digest: digest(name) }));
    response.end(JSON.stringify({ assets }));
  }
  function sendFile(request: IncomingMessage, response: ServerResponse, content: Uint8Array, path: string): void {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    requests.push({ path, from });
    const rest = content.subarray(from);
    const status = from > 0 ? 206 : 200;
    response.writeHead(from > 0 && rest.length === 0 ? 416 : status, { "content-length": rest.length });
    const cut = faults.cut?.(downloads++);
    if (cut === undefined) response.end(rest);
    else if (cut === 0) response.destroy();
    else {
      waiting.push(() => response.destroy());
      response.write(rest.subarray(0, cut));
    }
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return {
    origins: { github: `${url}/github`, githubApi: `${url}/api`, eclipse: `${url}/eclipse` },
    requests,
    url,
    arrived: () => waiting.splice(0).forEach((cut) => cut()),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
