import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/store.ts";
import { has, testWith } from "../needs.ts";
import { realRouter } from "../router/real-router.ts";
import { createNetwork, eventually, finds, linked, must, save, type Host, type Running } from "./hosts.ts";
import { originalRouterFile, originalStorage, startOriginal, type Original } from "./original.ts";

const needs = ["network namespaces", "a router", "the Python original"] as const;
const openTest = testWith(...needs);
const minute = 60_000;

let network: ReturnType<typeof createNetwork>;
let hosts: [Host, Host];
let hub: Host;
let spoke: Host;
/** Where a zenohd runs that the original has set up. */
let user: Host;
/** Of a sealed mesh. */
let stranger: Host;
let hubProcess: Running;
let original: Original;

if (needs.every(has)) {
  beforeAll(async () => {
    network = createNetwork(["hub", "spoke", "user", "stranger"]);
    [hub, spoke, user, stranger] = network.hosts as [Host, Host, Host, Host];
    hosts = [hub, spoke];
    const open = ["--open", "--listen", "127.0.0.1"];
    await must(hub.kioku(["init", "--mode", "hub", ...open, "--listen", hub.address]));
    await must(spoke.kioku(["init", "--mode", "spoke", ...open, "--connect", hub.address]));
    hubProcess = await hub.start();
    await spoke.start();
    stranger.env.ZENOH_CONNECT = `tcp/${user.address}:7447,tcp/127.0.0.1:7447`;
    const sealed = ["--listen", "127.0.0.1", "--listen", stranger.address, "--connect", hub.address];
    await must(stranger.kioku(["init", "--mode", "hub", ...sealed]));
    await stranger.start();
    await Promise.all(hosts.map(linked));
    original = startOriginal(network.commandAt(hub, []), join(hub.home, "python"), "tcp/127.0.0.1:7447");
  }, minute);
  afterAll(async () => {
    await original?.[Symbol.asyncDispose]();
    await network[Symbol.asyncDispose]();
  });
}

/** The payload of a record as a host has it: null where its content was erased. */
function payloadAt(host: Host, kind: "observation" | "tombstone" | "erasure", id: string): string | null | undefined {
  const store = openStore(join(host.state, "memory.db"), () => "");
  try {
    return store.record(kind, id)?.payload;
  } finally {
    store.close();
  }
}

const everywhere = (what: string, look: (host: Host) => boolean | Promise<boolean>) =>
  eventually(what, async () => (await Promise.all(hosts.map(look))).every(Boolean), 20_000);
const bytesOf = (text: string) => Buffer.from(text).toString("latin1");
const stored = async (id: string) => await original.dump(`mem/**/${id}`);
const fields = ["--project", "計画", "--tags", "a,い", "--memory-type", "decision", "--importance", "5"];
const lists = ["--source-files", "src/a.ts", "--references", "#1,PR#2"];

openTest(
  "an open mesh: what the Python program saves is found here, and what is saved here there, to the byte",
  async () => {
    const theirs = await original.save("再試行にはゆらぎが要る", ...fields, ...lists, "--visibility", "team");
    await everywhere("their memory arrives", (host) => payloadAt(host, "observation", theirs) !== undefined);
    const [[key, payload]] = [...(await stored(theirs))] as [[string, string]];
    expect(key).toMatch(new RegExp(`^mem/team/a-team/obs/claude/python/[0-9a-f]{32}/[^/]+/${theirs}$`));
    for (const host of hosts) {
      expect(bytesOf(payloadAt(host, "observation", theirs)!)).toBe(payload);
      expect(await finds(host, "ゆらぎ")).toBe(true);
    }

    const lifetime = ["--ttl", "30d", "--subject", "見出し", "--summary", "要約"];
    const ours = await save(spoke, "切断は静かに起きる", ...fields, ...lists, ...lifetime);
    await eventually("our memory is stored", async () => (await stored(ours)).size > 0);
    const [found] = await original.search("切断");
    expect(found).toEqual(JSON.parse(payloadAt(spoke, "observation", ours)!));
    expect([...(await stored(ours)).values()]).toEqual([bytesOf(payloadAt(spoke, "observation", ours)!)]);
  },
  minute,
);

openTest("its doctor is content with our router, and misses only a zenohd of its own", async () => {
  const misses = { zenohd_binary: "fail", config_file: "fail", embedded_router: "warn" };
  const checks = ["zenohd_reachable", "state_dir_hardlinks", "tls_certs", "fts5", "shadow_visibility", "identity"];
  const content = ["conflicting_latest", "tool_call_fragments", "legacy_namespace"];
  const passes = Object.fromEntries([...checks, ...content].map((name) => [name, "pass"]));
  expect(await original.doctor()).toEqual({ ...misses, ...passes });
});

openTest(
  "unknown fields survive on both sides, and version 0.3's keys are read",
  async () => {
    const author = "codex/me@atlas/pc/s-1";
    const [id, older, gone] = ["1", "2", "3"].map((digit) => digit.repeat(32)) as [string, string, string];
    const at = "2026-01-02T03:04:05.678901Z";
    const of = (observation_id: string, content: string) => ({ content, observation_id, created_at: at });
    const payload = JSON.stringify({ of_2030: { a: ["未"] }, ...of(id, "from the future"), visibility: "mesh" });
    await original.put(`mem/mesh/obs/${author}/${id}`, payload);
    await original.put(`mem/obs/${author}/${older}`, JSON.stringify(of(older, "from version 0.3")));
    await original.put(`mem/tomb/${author}/${gone}`, JSON.stringify({ observation_id: gone, deleted_at: at }));
    await original.put(`mem/obs/${author}/${gone}`, JSON.stringify(of(gone, "deleted by version 0.3")));
    await everywhere("all are here", (host) => payloadAt(host, "observation", gone) !== undefined);
    for (const host of hosts) {
      expect(payloadAt(host, "observation", id)).toBe(payload);
      expect(await finds(host, "from version 0.3")).toBe(true);
      expect(await finds(host, "deleted by version 0.3")).toBe(false);
    }
    expect(await original.search("from the future")).toMatchObject([{ of_2030: { a: ["未"] } }]);

    await original.run("migrate-visibility", "--from", "legacy", "--to", "mesh", "--yes");
    expect((await original.dump("mem/obs/**")).size).toBe(0);
    expect(await original.search("version 0.3")).toMatchObject([{ observation_id: older, visibility: "mesh" }]);
    for (const host of hosts) {
      expect(await finds(host, "from version 0.3")).toBe(true);
      expect(await finds(host, "deleted by version 0.3")).toBe(false);
      expect(payloadAt(host, "observation", gone)).toContain("deleted by version 0.3");
    }
  },
  minute,
);

openTest(
  "what one side deletes or supersedes is gone from the other's searches",
  async () => {
    const theirs = await Promise.all([original.save("theirs, to be deleted"), original.save("theirs, to be replaced")]);
    const ours = await Promise.all([save(hub, "ours, to be deleted"), save(spoke, "ours, to be replaced")]);
    await everywhere("all arrive", (host) =>
      [...theirs, ...ours].every((id) => payloadAt(host, "observation", id) !== undefined),
    );
    await must(spoke.kioku(["delete", theirs[0]!, "--reason", "古い"]));
    await save(spoke, "ours instead", "--supersedes", theirs[1]!);
    await eventually("it is found", async () => (await original.search("ours instead")).length === 1);
    expect(await original.search("theirs, to be")).toEqual([]);

    await original.run("delete", ours[0]!);
    await original.save("theirs instead", "--supersedes", ours[1]!);
    await everywhere("it is found", (host) => finds(host, "theirs instead"));
    for (const host of hosts) expect(await finds(host, "to be")).toBe(false);
  },
  minute,
);

openTest(
  "its purges erase nothing here, and nothing is put again that they have taken out of the storage",
  async () => {
    const [pc] = /[0-9a-f]{32}/.exec((await original.run("status")).out)!;
    const theirs = await original.save("theirs, purged");
    const ours = await save(hub, "ours, deleted by them and purged");
    await everywhere("both arrive", (host) => [theirs, ours].every((id) => payloadAt(host, "observation", id)));
    await original.run("--rebuild", "delete", ours);
    await original.run("gc", "--by-pc-id", pc, "--execute", "--yes");
    await original.run("gc", "--retention-days", "0");
    expect((await original.dump("mem/**/tomb/**")).size).toBe(0);
    await hubProcess.stop();
    await must(hub.kioku(["--rebuild", "drain", "--pending"])); // reads the storage, with all that it lacks of ours
    hubProcess = await hub.start();
    await linked(hub);
    for (const id of [theirs, ours]) expect([...(await stored(id)).values()]).toEqual([]);
    for (const host of hosts) {
      expect(await finds(host, "theirs, purged")).toBe(true);
      expect(await finds(host, "ours, deleted")).toBe(false);
      expect(payloadAt(host, "observation", ours)).toContain("ours, deleted");
    }
  },
  minute,
);

openTest(
  "an order to erase of either side is carried out by both",
  async () => {
    const theirs = await original.save("a secret of theirs");
    await original.listen();
    const [ours, more] = [await save(hub, "a secret of ours"), await save(hub, "a secret that nobody searches for")];
    await eventually("it hears of ours", async () => (await original.heard("a secret")).length === 3);
    await everywhere("all arrive", (host) => [theirs, ours, more].every((id) => payloadAt(host, "observation", id)));
    await must(spoke.kioku(["gc", "--force-id", more, "--yes"]));
    await eventually("it hears of the order", async () => (await original.heard("a secret")).length === 2);
    await original.run("gc", "--force-id", ours);
    await must(spoke.kioku(["gc", "--force-id", theirs, "--yes"]));
    await everywhere("the content is gone", (host) =>
      [ours, theirs, more].every((id) => payloadAt(host, "observation", id) === null),
    );
    await eventually("the storage has lost it", async () =>
      [...(await original.dump("mem/**")).values()].every((text) => !text.includes("a secret")),
    );
    expect(await original.search("a secret")).toEqual([]);
    for (const id of [ours, theirs, more]) expect([...(await stored(id)).keys()]).toContain(`mem/kioku/erasure/${id}`);
  },
  minute,
);

openTest(
  "a zenohd that the original has set up is part of the mesh by ZENOH_CONNECT, and later our router takes over its storage",
  async () => {
    const home = join(user.home, "python");
    const listen = ["--listen", "127.0.0.1", "--listen", user.address];
    await using there = startOriginal(network.commandAt(user, []), home, "tcp/127.0.0.1:7447");
    await there.run("init", "--mode", "hub", ...listen);
    const ours = await must(user.kioku(["init", "--mode", "hub", "--open", ...listen, "--print"]));
    const pluginsOf = (text: string) => text.slice(text.indexOf("  plugins: {"), text.lastIndexOf("}") + 1);
    expect(pluginsOf(ours.out)).toBe(pluginsOf(readFileSync(originalRouterFile(home), "utf8")));

    await using zenohd = network.spawnAt(user, [(await realRouter()).zenohd, "-c", originalRouterFile(home)], {
      env: { HOME: home, RUST_LOG: "error", ZENOH_BACKEND_ROCKSDB_ROOT: originalStorage(home) },
    });
    await there.dump("mem/**"); // waits for it
    const before = await there.save("saved before any link");
    await hubProcess.stop();
    hub.env.ZENOH_CONNECT = `tcp/${user.address}:7447,tcp/127.0.0.1:7447`;
    hubProcess = await hub.start();
    await eventually("what it had stored is here", () => payloadAt(hub, "observation", before) !== undefined, minute);
    const after = await there.save("saved at the other zenohd");
    await everywhere("what it hears is here", (host) => payloadAt(host, "observation", after) !== undefined);
    await save(spoke, "saved at a spoke, for the other zenohd");
    await eventually("it hears us", async () => (await there.search("saved at a spoke")).length === 1);
    expect(hub.log()).not.toContain("is skipped");
    zenohd.kill();
    await zenohd.exited;

    user.env.ZENOH_BACKEND_ROCKSDB_ROOT = originalStorage(home);
    user.env.ZENOH_CONNECT = stranger.address;
    const alone = ["--listen", "127.0.0.1"];
    await must(user.kioku(["init", "--mode", "hub", "--open", ...alone]));
    await user.start();
    for (const content of ["saved before any link", "saved at the other zenohd", "saved at a spoke"]) {
      await eventually(content, () => finds(user, content));
    }
  },
  minute,
);

openTest(
  "open and sealed hosts that dial each other say so, and ZENOH_CONNECT leads no sealed one over plain links",
  async () => {
    const words: [Host, string][] = [
      [stranger, `${hub.address}:7447: speaks no TLS`],
      [user, `${stranger.address}:7447: speaks TLS, as a sealed mesh does, and this host is of an open one`],
    ];
    for (const [host, trouble] of words) {
      await eventually("the log says it", () => host.log().includes(`${trouble}. `));
      expect((await host.kioku(["status"])).out).toContain(`hub ${trouble}`);
      expect((await host.kioku(["doctor"])).out).toContain(`[FAIL] hubs — ${trouble}`);
    }
    expect(stranger.log()).toContain(
      `ZENOH_CONNECT: tcp/${user.address}:7447 is skipped: a sealed mesh links by TLS alone, not by tcp/`,
    );
    expect(stranger.log()).not.toContain("ZENOH_CONNECT: tcp/127.0.0.1");
  },
  minute,
);

openTest(
  "who leaves the open mesh leaves nothing plain behind but the memory, and can go on sealed",
  async () => {
    const storage = originalStorage(join(user.home, "python"));
    expect(readdirSync(storage)).toContain("agent_mem");
    expect((await user.kioku(["init", "--mode", "hub", "--listen", "127.0.0.1", "--force"])).status).toBe(4);
    const { out } = await must(user.kioku(["mesh", "leave", "--yes"]));
    expect(out).toContain(`removed ${join(storage, "agent_mem")}\n`);
    expect(readdirSync(storage)).not.toContain("agent_mem");
    const plain = new Bun.Glob("**").scanSync({ cwd: user.state, dot: true, onlyFiles: true });
    const withText = [...plain].filter((file) =>
      readFileSync(join(user.state, file)).includes("saved before any link"),
    );
    expect(withText.every((file) => file.startsWith("memory.db"))).toBe(true);
    await must(user.kioku(["init", "--mode", "hub", "--listen", "127.0.0.1"]));
    await eventually("its sealed storage is there", () =>
      readdirSync(storage).some((name) => name.startsWith("kioku_")),
    );
    expect(await finds(user, "saved before any link")).toBe(true);
  },
  minute,
);
