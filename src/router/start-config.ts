import { UserError } from "../core/errors.ts";
import { recordSpace } from "../seal/name.ts";
import type { CredentialPaths } from "./certificates.ts";
import { type Endpoint, endpointText, parseEndpoint } from "./endpoint.ts";
import type { Router } from "./provision.ts";
import { child, isObject, type JsonObject, sealedStorageDirectory } from "./config.ts";

/** What a start adds to the file. */
export interface StartChoices {
  router: Router;
  /** 1 to 32 lower-case hex digits, the first not 0. */
  id: string;
  /** The WebSocket on 127.0.0.1, over which our own processes talk to the router. */
  port: number;
  webSocket?: CredentialPaths;
  /** Present for a sealed mesh. */
  meshId?: string;
  /** Further endpoints to dial. */
  connect?: readonly string[];
}

export interface StartConfig {
  /** For zenohd, as JSON. Holds the WebSocket's port, so it belongs into a file that only its owner can read. */
  text: string;
  /** The storages and volumes that must be there once the router is ready. */
  storages: { name: string; directory?: string }[];
  volumes: string[];
}

/**
 * The configuration to start a router with: the file, completed. Only the plugins named here are loaded, from their paths;
 * in a sealed mesh a file that would open a link without TLS is refused. Throws UserError `usage`.
 */
export function startConfig(file: JsonObject, start: StartChoices): StartConfig {
  const sealed = start.meshId !== undefined;
  const storage = storageManager(file, start);
  const listen = admitAll(file, "listen", sealed);
  const connect = [
    ...admitAll(file, "connect", sealed),
    ...(start.connect ?? []).map((t) => admit(t, "connect", sealed)),
  ];
  if (sealed) requireMutualTls(file);
  const config: JsonObject = {
    queries_default_timeout: 60_000, // also bounds the alignment of storages, which the default of 10 s cuts short
    timestamping: { enabled: { router: true, peer: true, client: true }, drop_future_timestamp: false },
    ...file,
    mode: "router",
    id: start.id,
    // An address that is not there yet, or a busy port, is tried again and again while the rest works.
    listen: {
      exit_on_failure: false,
      timeout_ms: -1,
      ...child(file, "listen"),
      endpoints: textsOf(listen),
    },
    connect: { ...child(file, "connect"), endpoints: textsOf(connect) },
    scouting: { multicast: { enabled: false }, ...child(file, "scouting") },
    adminspace: { enabled: true, permissions: { read: true, write: false } },
    plugins_loading: { enabled: true, search_dirs: [] },
    plugins: {
      remote_api: {
        __required__: true,
        __path__: start.router.remoteApi,
        websocket_port: `127.0.0.1:${start.port}`,
        ...(start.webSocket && {
          secure_websocket: {
            certificate_path: start.webSocket.certificate,
            private_key_path: start.webSocket.privateKey,
          },
        }),
      },
      ...(storage && { storage_manager: storage }),
    },
  };
  const storages = Object.entries(child(storage ?? {}, "storages")).map(([name, described]) => {
    const { dir } = child(isObject(described) ? described : {}, "volume");
    return { name, ...(typeof dir === "string" && { directory: dir }) };
  });
  const volumes = Object.keys(child(storage ?? {}, "volumes"));
  return { text: `${JSON.stringify(config, null, 2)}\n`, storages, volumes };
}

/** The storage manager's part, undefined where the file names no volume: such a router keeps nothing. */
function storageManager(file: JsonObject, { router, meshId }: StartChoices): JsonObject | undefined {
  const plugins = child(file, "plugins");
  const foreign = Object.keys(plugins).find((name) => name !== "storage_manager" && name !== "remote_api");
  if (foreign) throw new UserError("usage", `the router's file names the plugin ${foreign}`, { hint: loadedHint });
  if (!isObject(plugins.storage_manager)) return undefined;
  const { storage_manager: manager } = plugins as { storage_manager: JsonObject };
  const volumes = child(manager, "volumes");
  const other = Object.keys(volumes).find((name) => name !== "rocksdb" && name !== "memory");
  if (other) throw new UserError("usage", `the router's file names the volume ${other}`, { hint: loadedHint });
  const rocksdb = "rocksdb" in volumes;
  return {
    ...manager,
    __required__: true,
    __path__: router.storageManager,
    backend_search_dirs: [],
    volumes: {
      ...("memory" in volumes && { memory: {} }),
      ...(rocksdb && { rocksdb: { ...child(volumes, "rocksdb"), __path__: router.rocksdb } }),
    },
    storages: {
      ...child(manager, "storages"),
      ...(meshId !== undefined && { kioku: sealedStorage(meshId, rocksdb) }),
    },
  };
}

const loadedHint = "kioku-mesh loads remote_api, storage_manager and the volumes memory and rocksdb, and no others";

/** A key space of its own, so that a sealed mesh never aligns with an open one or with another sealed one. */
function sealedStorage(meshId: string, rocksdb: boolean): JsonObject {
  if (!/^[0-9a-z]{1,64}$/.test(meshId)) throw new Error("a mesh id is lower-case letters and digits");
  const space = recordSpace(meshId);
  const names = { key_expr: `${space}/**`, strip_prefix: space };
  if (!rocksdb) return { ...names, volume: "memory" };
  return {
    ...names,
    volume: { id: "rocksdb", dir: sealedStorageDirectory(meshId), create_db: true },
    replication: { interval: 10, sub_intervals: 5, hot: 6, warm: 30, propagation_delay: 250 },
  };
}

function requireMutualTls(file: JsonObject): void {
  const tls = child(child(child(file, "transport"), "link"), "tls");
  const needed = ["root_ca_certificate", "listen_certificate", "connect_certificate"] as const;
  if (tls.enable_mtls === true && needed.every((key) => typeof tls[key] === "string")) return;
  throw new UserError("usage", "the router's file lacks the mutual TLS that a sealed mesh needs", {
    hint: "write it anew: kioku-mesh init --mode hub --force; or make an open mesh with --open",
  });
}

/** The endpoints that a router with this file listens on, as far as they are of the Internet protocols. */
export function listenEndpoints(file: JsonObject, sealed: boolean): Endpoint[] {
  return admitAll(file, "listen", sealed).filter((endpoint) => typeof endpoint !== "string");
}

function admitAll(file: JsonObject, role: "listen" | "connect", sealed: boolean): (Endpoint | string)[] {
  return endpointsOf(file, role).map((text) => admit(text, role, sealed));
}

/** An open mesh may also use Zenoh's other protocols, about which nothing is known here: these stay as they are. */
function admit(text: string, role: "listen" | "connect", sealed: boolean): Endpoint | string {
  const protocol = /^([\w+-]+)\//.exec(text)?.[1];
  if (sealed && protocol !== undefined && protocol !== "tls")
    throw new UserError("usage", `the router's file has the endpoint ${text}, but a sealed mesh links by tls/ alone`, {
      hint: `write ${text.replace(/^[^/]+\//, "tls/")}, or make an open mesh with --open`,
    });
  if (protocol !== undefined && !["tcp", "udp", "tls"].includes(protocol)) return text;
  return parseEndpoint(text, { sealed, role });
}

function textsOf(endpoints: readonly (Endpoint | string)[]): string[] {
  return [...new Set(endpoints.map((one) => (typeof one === "string" ? one : endpointText(one))))];
}

/** Zenoh allows one list, or one for each mode; a router reads its own. */
function endpointsOf(file: JsonObject, role: "listen" | "connect"): string[] {
  const { endpoints } = child(file, role);
  const list = isObject(endpoints) ? endpoints.router : endpoints;
  if (list === undefined) return [];
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === "string"))
    throw new UserError("usage", `${role}.endpoints in the router's file is not a list of texts`);
  return list;
}
