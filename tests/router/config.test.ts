import { describe, expect, test } from "bun:test";
import { linkCredentialPaths } from "../../src/router/certificates.ts";
import { ephemeralConfig, type JsonObject, parseRouterFile, routerFileText } from "../../src/router/config.ts";
import { startConfig } from "../../src/router/start-config.ts";
import { routerIn } from "../../src/router/provision.ts";

const router = routerIn("/state/router/x", { version: "1.10.2", target: "linux-x64", files: [] });
const start = { router, id: "ab12", port: 23456 };
const meshId = "00112233445566778899aabbccddeeff";
const certificates = linkCredentialPaths("/state/mesh");
const command = "kioku-mesh init --mode hub";

const open = (mode: "localhost" | "hub" | "spoke", listen = ["tcp/127.0.0.1:7447"], connect: string[] = []) =>
  routerFileText({ mode, listen, connect, command });
const sealed = (mode: "localhost" | "hub" | "spoke", listen = ["tls/127.0.0.1:7447"], connect: string[] = []) =>
  routerFileText({ mode, listen, connect, command, certificates });
const started = (text: string, more: object = {}) =>
  JSON.parse(startConfig(parseRouterFile(text, "zenohd.json5"), { ...start, ...more }).text);

describe("zenohd.json5 of an open mesh", () => {
  test("has the original's storage and replication block, byte for byte", () => {
    expect(open("hub")).toContain(`  plugins: {
    storage_manager: {
      volumes: {
        rocksdb: {},
      },
      storages: {
        agent_mem: {
          key_expr: "mem/**",
          strip_prefix: "mem",
          replication: {
            interval: 10.0,
            sub_intervals: 5,
            hot: 6,
            warm: 30,
            propagation_delay: 250,
          },
          volume: {
            id: "rocksdb",
            dir: "agent_mem",
            create_db: true,
          },
        },
      },
    },
  },
}
`);
  });

  test("keeps nothing on disk on a single host", () => {
    const file = parseRouterFile(open("localhost"), "f");
    expect(file).toEqual({
      mode: "router",
      listen: { endpoints: ["tcp/127.0.0.1:7447"] },
      scouting: { multicast: { enabled: false } },
      timestamping: { enabled: { router: true, peer: true, client: true } },
      plugins: {
        storage_manager: {
          volumes: { memory: {} },
          storages: { agent_mem: { key_expr: "mem/**", strip_prefix: "mem", volume: "memory" } },
        },
      },
    });
  });

  test("cannot have tls/ endpoints", () => {
    expect(() => open("hub", ["tls/10.0.0.1:7447"])).toThrow("an open mesh has no certificates");
  });
});

describe("zenohd.json5 of a sealed mesh", () => {
  const file = parseRouterFile(sealed("spoke", ["tls/127.0.0.1:7447"], ["tls/hub:7447"]), "f");

  test("links by mutual TLS with the PEM files of this host", () => {
    expect(file.listen).toEqual({ endpoints: ["tls/127.0.0.1:7447"] });
    expect(file.connect).toEqual({ endpoints: ["tls/hub:7447"] });
    expect(file.scouting).toEqual({ multicast: { enabled: false } });
    expect(file.transport).toEqual({
      link: {
        tls: {
          root_ca_certificate: certificates.authority,
          listen_certificate: certificates.certificate,
          listen_private_key: certificates.privateKey,
          connect_certificate: certificates.certificate,
          connect_private_key: certificates.privateKey,
          enable_mtls: true,
          verify_name_on_connect: false,
        },
      },
    });
  });

  test("names no storage of plain records", () => {
    expect(sealed("hub")).not.toContain("mem/**");
  });
});

describe("what a start adds", () => {
  test("the plugins by path, the WebSocket on the loopback, and nothing that is searched for", () => {
    const config = started(open("hub"));
    expect(config.id).toBe("ab12");
    expect(config.plugins_loading).toEqual({ enabled: true, search_dirs: [] });
    expect(config.adminspace).toEqual({ enabled: true, permissions: { read: true, write: false } });
    expect(config.plugins.remote_api).toEqual({
      __required__: true,
      __path__: router.remoteApi,
      websocket_port: "127.0.0.1:23456",
    });
    const manager = config.plugins.storage_manager;
    expect(manager.__path__).toBe(router.storageManager);
    expect(manager.backend_search_dirs).toEqual([]);
    expect(manager.volumes).toEqual({ rocksdb: { __path__: router.rocksdb } });
    expect(manager.storages.agent_mem.replication.interval).toBe(10);
  });

  test("the WebSocket's certificate", () => {
    const webSocket = { certificate: "/c", privateKey: "/k", authority: "/a" };
    expect(started(open("hub"), { webSocket }).plugins.remote_api.secure_websocket).toEqual({
      certificate_path: "/c",
      private_key_path: "/k",
    });
  });

  test("a storage for the sealed records of this mesh alone, in a directory of its own", () => {
    const { storages, volumes } = startConfig(parseRouterFile(sealed("hub"), "f"), { ...start, meshId });
    expect({ storages, volumes }).toEqual({
      storages: [{ name: "kioku", directory: `kioku_${meshId}` }],
      volumes: ["rocksdb"],
    });
    expect(started(sealed("hub"), { meshId }).plugins.storage_manager.storages).toEqual({
      kioku: {
        key_expr: `kioku/${meshId}/record/**`,
        strip_prefix: `kioku/${meshId}/record`,
        volume: { id: "rocksdb", dir: `kioku_${meshId}`, create_db: true },
        replication: { interval: 10, sub_intervals: 5, hot: 6, warm: 30, propagation_delay: 250 },
      },
    });
    expect(started(sealed("localhost"), { meshId }).plugins.storage_manager.storages.kioku.volume).toBe("memory");
  });

  test("further endpoints to dial, once each", () => {
    const connect = ["tcp/10.0.0.1:7447", "tcp/10.0.0.2:7447"];
    expect(started(open("spoke", [], ["tcp/10.0.0.1:7447"]), { connect }).connect.endpoints).toEqual(connect);
  });

  test("what an endpoint lacks; a protocol that is not known here stays as it is", () => {
    const file = { listen: { endpoints: ["0.0.0.0", "quic/0.0.0.0:7447", "unixsock-stream//run/z.sock"] } };
    expect(JSON.parse(startConfig(file, start).text).listen.endpoints).toEqual([
      "tcp/0.0.0.0:7447",
      "quic/0.0.0.0:7447",
      "unixsock-stream//run/z.sock",
    ]);
    const mine = parseRouterFile(sealed("hub", ["::1"]), "f");
    expect(JSON.parse(startConfig(mine, { ...start, meshId }).text).listen.endpoints).toEqual(["tls/[::1]:7447"]);
  });

  test("what the file says otherwise stays as it is", () => {
    const text = open("hub")
      .replace("enabled: false", "enabled: true")
      .replace('mode: "router",', "queries_default_timeout: 5000, access_control: { enabled: true },");
    const config = started(text);
    expect(config.scouting.multicast.enabled).toBe(true);
    expect(config.queries_default_timeout).toBe(5000);
    expect(config.access_control).toEqual({ enabled: true });
    expect(config.mode).toBe("router");
  });
});

describe("a file that would undo the mesh's promises is refused", () => {
  const refused = (text: string, reason: string, more: object = {}) =>
    expect(() => started(text, more)).toThrow(reason);

  test("a plain endpoint in a sealed mesh", () => {
    refused(sealed("hub", ["tls/127.0.0.1:7447", "tcp/0.0.0.0:7448"]), "links by tls/ alone", { meshId });
    refused(sealed("spoke", [], ["udp/hub:7447"]), "links by tls/ alone", { meshId });
    refused(sealed("hub"), "links by tls/ alone", { meshId, connect: ["tcp/10.0.0.1:7447"] });
  });

  test("TLS that lets everybody in", () => {
    refused(sealed("hub").replace("enable_mtls: true", "enable_mtls: false"), "lacks the mutual TLS", { meshId });
    refused(open("hub", []), "lacks the mutual TLS", { meshId });
  });

  test("a plugin or a volume that is not ours", () => {
    refused(open("hub").replace("plugins: {", 'plugins: { rest: { __path__: "/tmp/x.so" },'), "names the plugin rest");
    refused(open("hub").replace("rocksdb: {}", "filesystem: {}"), "names the volume filesystem");
  });

  test("another plugin path or search directory has no effect", () => {
    const text = open("hub")
      .replace("storage_manager: {", 'storage_manager: { __path__: "/tmp/evil.so", backend_search_dirs: ["."],')
      .replace("rocksdb: {}", 'rocksdb: { __path__: "/tmp/evil.so" }')
      .replace('mode: "router",', 'plugins_loading: { search_dirs: ["."] },');
    expect(JSON.stringify(started(text))).not.toMatch(/evil|"\."/);
  });

  test("what is not JSON5, or no object", () => {
    refused("{ mode: ", "is not valid JSON5");
    refused("[]", "does not hold an object");
    refused('{ listen: { endpoints: "tcp/1.2.3.4:1" } }', "is not a list of texts");
    refused('{ listen: { endpoints: ["tcp/1.2.3.4:99999"] } }', "needs a port");
  });
});

test("an ephemeral router keeps nothing: it has no storage manager", () => {
  const file: JsonObject = ephemeralConfig(["tls/0.0.0.0:17447"], ["tls/hub:7447"], certificates);
  const { text, storages, volumes } = startConfig(file, { ...start, meshId });
  expect({ storages, volumes }).toEqual({ storages: [], volumes: [] });
  expect(Object.keys(JSON.parse(text).plugins)).toEqual(["remote_api"]);
  expect(JSON.parse(text).scouting.multicast.enabled).toBe(false);
});
