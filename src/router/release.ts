/** The zenohd release that this version of kioku-mesh is built and tested with. */
export const routerVersion = "1.10.2";

/** What a router consists of: the program, two plugins and the storage volume. */
export const parts = ["zenohd", "storageManager", "remoteApi", "rocksdb"] as const;
export type RouterPart = (typeof parts)[number];

/** The platforms that kioku-mesh is built for, by the Rust name that Zenoh's releases carry. */
const triples = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "linux-x64-musl": "x86_64-unknown-linux-musl",
  "linux-arm64-musl": "aarch64-unknown-linux-musl",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
} as const;
export type RouterTarget = keyof typeof triples;

export const routerTargets = Object.keys(triples) as RouterTarget[];

export function isRouterTarget(text: string): text is RouterTarget {
  return Object.hasOwn(triples, text);
}

/** The target of a machine, undefined where Zenoh publishes no router for it. */
export function targetOf(machine: { platform: string; arch: string; musl: boolean }): RouterTarget | undefined {
  const os = machine.platform === "win32" ? "windows" : machine.platform;
  const name = `${os}-${machine.arch}${os === "linux" && machine.musl ? "-musl" : ""}`;
  return isRouterTarget(name) ? name : undefined;
}

/** The file names of a router's parts. */
export function fileNames(target: RouterTarget): Record<RouterPart, string> {
  const [program, prefix, suffix] = target.startsWith("windows")
    ? [".exe", "", ".dll"]
    : ["", "lib", target.startsWith("darwin") ? ".dylib" : ".so"];
  return {
    zenohd: `zenohd${program}`,
    storageManager: `${prefix}zenoh_plugin_storage_manager${suffix}`,
    remoteApi: `${prefix}zenoh_plugin_remote_api${suffix}`,
    rocksdb: `${prefix}zenoh_backend_rocksdb${suffix}`,
  };
}

export interface ReleaseArchive {
  name: string;
  /** The GitHub repository below `eclipse-zenoh/`, and Eclipse's download folder. */
  repository: string;
  folder: string;
  /** The parts it contributes. */
  parts: RouterPart[];
}

/** The three archives in which upstream publishes a router: flat zip files with one repository each. */
export function releaseArchives(version: string, target: RouterTarget): ReleaseArchive[] {
  const archive = (repository: string, folder: string, ...parts: RouterPart[]): ReleaseArchive => ({
    name: `${repository}-${version}-${triples[target]}-standalone.zip`,
    repository,
    folder,
    parts,
  });
  return [
    archive("zenoh", "zenoh", "zenohd", "storageManager"),
    archive("zenoh-backend-rocksdb", "zenoh-backend-rocksdb", "rocksdb"),
    archive("zenoh-ts", "zenoh-plugin-remote-api", "remoteApi"),
  ];
}

/**
 * SHA-256 of release archives: those of Eclipse's Homebrew tap, and for Linux one that other projects pin. By hash because
 * upstream has published different files under one name before. 1.10.2 has none: GitHub and Eclipse are asked for it.
 */
export const pinnedDigests: Readonly<Record<string, string>> = {
  "zenoh-1.10.0-x86_64-apple-darwin-standalone.zip": "965a1c3d9b4873502ea09321f14d5b2f4101e1e4be5d27e9d5d8650bc6a3bae1",
  "zenoh-1.10.0-aarch64-apple-darwin-standalone.zip":
    "00432b7efe7e84a230bad98b0995b5c2ab3757e8501c126f3b2d239fc0931610",
  "zenoh-backend-rocksdb-1.10.0-x86_64-apple-darwin-standalone.zip":
    "9284ae7aa53c3b9613deffd791455d8fe7c6ab09702f7c40da9aea9c193ae4a2",
  "zenoh-backend-rocksdb-1.10.0-aarch64-apple-darwin-standalone.zip":
    "121c218987384dc61b947cf1d8ae8e3cb95e0bb6134e65e795529eaca3f388ed",
  "zenoh-ts-1.10.0-x86_64-apple-darwin-standalone.zip":
    "3d244681e28e4daf9fb24a6855342bf724a013551cdb58c02d4c08b2f10ae8e5",
  "zenoh-ts-1.10.0-aarch64-apple-darwin-standalone.zip":
    "6e5891bb8efa435b89298fbd77b1f77442fa2592da04b5b901171f56c255ed50",
  "zenoh-1.10.0-x86_64-unknown-linux-gnu-standalone.zip":
    "43de097382e3db4f95903cbadbbf472a21fbea53d6a3193606ae12b034a20881",
};
