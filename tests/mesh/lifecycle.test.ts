import { expect } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../../src/router/private-files.ts";
import { readRunning } from "../../src/router/running.ts";
import { testWith } from "../needs.ts";
import { connectAgent } from "./agent.ts";
import {
  converged,
  createNetwork,
  eventually,
  finds,
  invite,
  joinAsSpoke,
  must,
  save,
  viewOf,
  type Host,
} from "./hosts.ts";

const meshTest = testWith("network namespaces", "a router");
const minute = 60_000;

const storagesOf = (host: Host) => readdirSync(host.state).filter((name) => name.startsWith("kioku_"));
const routerOf = (host: Host) => readRunning(join(host.state, "mesh"));

/** Waits until a host's process has said something. */
async function says(host: Host, what: string): Promise<void> {
  try {
    await eventually(`${host.name} says ${what}`, () => host.log().includes(what));
  } catch (cause) {
    throw new Error(host.log(), { cause });
  }
}

/** What a host's doctor says of each thing, by name. */
async function doctor(host: Host): Promise<{ [name: string]: string }> {
  const { checks } = JSON.parse((await host.kioku(["doctor", "--json"])).out) as {
    checks: { name: string; status: string; summary: string }[];
  };
  return Object.fromEntries(checks.map(({ name, status, summary }) => [name, `${status}: ${summary}`]));
}

/** Files below a directory that hold a text, and those that others can read. */
function look(directory: string, text: string): { holding: string[]; open: string[] } {
  const paths = readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name)));
  const open = paths.filter((path) => !lstatSync(path).isSymbolicLink() && (lstatSync(path).mode & 0o077) !== 0);
  const holding = paths.filter((path) => lstatSync(path).isFile() && readFileSync(path).includes(text));
  return { holding, open };
}

/** What all processes show of themselves: arguments to everybody, environments to root. */
function processList(): string {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return ""; // it has ended meanwhile
    }
  };
  return pids.flatMap((pid) => ["cmdline", "environ"].map((file) => read(`/proc/${pid}/${file}`))).join("\n");
}

meshTest(
  "a spoke comes before its hub and its key, is told of while it is away, and catches up by one drain",
  async () => {
    await using network = createNetwork(["hub", "spoke"]);
    const [hub, spoke] = network.hosts as [Host, Host];

    // The original's command writes a spoke without a key: it waits, and saves all the same.
    await must(spoke.kioku(["init", "--mode", "spoke", "--listen", "127.0.0.1", "--connect", hub.address]));
    const waiting = await spoke.start();
    await says(spoke, "waiting for `kioku-mesh mesh join -`");
    await save(spoke, "saved before there was a key");
    expect(routerOf(spoke)).toBeUndefined();
    expect((await doctor(spoke)).mesh_key).toBe("fail: this host has no key of the mesh");

    // The key is all that it waits for; then it says what it lacks.
    await must(hub.kioku(["init", "--mode", "hub", "--listen", hub.address]));
    const code = await invite(hub);
    const { out } = await must(spoke.kioku(["mesh", "join", "-"], `${code}\n`));
    expect(out).toBe("joined: a running `kioku-mesh mesh run` takes part from now on\n");
    await says(spoke, `${hub.address}:7447: no answer.`);
    expect((await doctor(spoke)).hubs).toBe(`fail: ${hub.address}:7447: no answer`);

    // The hub comes late.
    const hubRun = await hub.start();
    await eventually("they see each other", () => viewOf(spoke).peers.length === 1 && viewOf(hub).peers.length === 1);
    const secret = await save(spoke, "the one that has to go");
    expect(await converged(network.hosts)).toBe(2);
    const { pc_id } = JSON.parse((await must(spoke.kioku(["status", "--json"]))).out) as { pc_id: string };
    await eventually("the hub knows all of the spoke", () => {
      const [peer] = viewOf(hub).peers;
      return peer!.equal && peer!.last_contact !== "";
    });
    expect(viewOf(hub).peers).toEqual([
      {
        name: "spoke-laptop",
        host: pc_id,
        online: true,
        equal: true,
        behind: 0,
        ahead: 0,
        last_contact: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        clock_offset_ms: expect.any(Number),
        understood: true,
      },
    ]);
    const { out: status } = await must(hub.kioku(["status"]));
    expect(status).toMatch(/^backend: zenoh$[^]*^zenoh_session: connected$[^]*^pending_puts: 0$[^]*^mesh_ready: yes$/m);
    expect(status).toMatch(
      /^ {2}peer spoke-laptop \(\w{8}\): online, same memories, last contact \S+, clock [+-]\d+ ms$/m,
    );

    await using agent = await connectAgent(hub);
    expect(await agent.call("get_memory_status", {})).toMatch(
      /^backend: zenoh$[^]*^mesh_ready: yes$[^]*^ {2}peer spoke-laptop \(\w{8}\): online, same memories,/m,
    );

    const checks = await doctor(hub);
    const ofMesh = Object.keys(checks).slice(Object.keys(checks).indexOf("zenohd_binary"));
    expect(Object.fromEntries(ofMesh.map((name) => [name, checks[name]!.replace(/[0-9a-f]{32}/g, "ID")]))).toEqual({
      zenohd_binary: `pass: ${routerBinary(hub)}`,
      router_config: `pass: ${join(hub.home, ".config/mesh-mem/zenohd.json5")}`,
      mesh_key: "pass: sealed, mesh ID",
      certificates: expect.stringMatching(/^pass: valid until 9999-/),
      replicator: "pass: running",
      zenohd_reachable: expect.stringMatching(/^pass: storages kioku; volumes .*rocksdb.*; linked to 1 router$/),
      hubs: "pass: this host dials none",
      ports: "pass: held by our own router",
      clock_skew: "pass: within half a second of every peer",
      peers: "pass: 1 known, 1 online, 1 with the same memories",
      storage: `pass: ${hub.state}`,
      service: "pass: not installed (kioku-mesh init --install-systemd)",
      firewall: "pass: other hosts dial TCP port 7447: a firewall has to let it in",
    });
    expect((await doctor(spoke)).hubs).toBe("pass: every hub answers");

    // Nothing but its own file holds the key, and nobody else can read any.
    for (const host of network.hosts) {
      const { holding, open } = look(host.home, code.slice(7, 50));
      expect([holding, open]).toEqual([[join(host.state, "mesh/membership")], []]);
    }
    expect(processList()).toContain(hub.state);
    expect(processList()).not.toContain(code.slice(7, 50));

    // The spoke goes; what the hub erases and saves meanwhile reaches it by one drain.
    await waiting.stop();
    expect(await waiting.exited).toBe(0);
    await eventually("the hub sees it gone", () => viewOf(hub).peers[0]?.online === false);
    await must(hub.kioku(["gc", "--force-id", secret]));
    await save(hub, "saved while the spoke was away");
    await eventually("the hub counts", () => viewOf(hub).peers[0]!.behind === 2);
    expect((await hub.kioku(["mesh", "peers"])).out).toMatch(
      /spoke-laptop \(\w{8}\): offline, lacks 2, last contact \S+/,
    );
    await save(spoke, "saved while away");
    expect(look(spoke.state, "the one that has to go").holding).toEqual([join(spoke.state, "memory.db")]);
    expect((await must(spoke.kioku(["drain", "--pending"]))).out).toMatch(/drained=[34], remaining=0\n$/);
    expect([await finds(hub, "saved while away"), await finds(spoke, "saved while the spoke")]).toEqual([true, true]);
    expect(await finds(spoke, "the one that has to go")).toBe(false);
    expect(isAlive(waiting.pid) || routerOf(spoke) !== undefined).toBe(false);
    // Where a process takes part already, that one is asked.
    expect((await must(hub.kioku(["drain", "--pending"]))).out).toMatch(/drained=\d+, remaining=0\n$/);
    expect((await must(hub.kioku(["--rebuild", "status"]))).err).toMatch(/^read the mesh: 0 records moved\n/);

    // A memory that was lost comes back from the host's own storage, with no hub to be reached.
    network.plug(spoke, false);
    for (const name of readdirSync(spoke.state).filter((file) => file.startsWith("memory.db")))
      rmSync(join(spoke.state, name));
    const rebuilt = await must(spoke.kioku(["--rebuild", "search", "saved while away"]));
    expect(rebuilt.err).toMatch(/read the mesh: [345] records moved\n/);
    expect(rebuilt.out).toContain("saved while away");
    network.plug(spoke, true);

    // `kill -9`: the router goes with it.
    const router = routerOf(hub)!;
    await hubRun.stop("SIGKILL");
    await eventually("no router is left", () => !isAlive(router.pid));
  },
  3 * minute,
);

function routerBinary(host: Host): string {
  const [directory] = readdirSync(join(host.state, "router")).filter((name) => name.startsWith("1."));
  return join(host.state, "router", directory!, "zenohd");
}

meshTest(
  "a new key locks out who has the old one; who joins again, and who leaves, keeps no byte of the old mesh",
  async () => {
    await using network = createNetwork(["hub", "spoke"]);
    const [hub, spoke] = network.hosts as [Host, Host];
    await must(hub.kioku(["init", "--mode", "hub", "--listen", hub.address]));
    await joinAsSpoke(spoke, await invite(hub));
    await Promise.all([hub.start(), spoke.start()]);
    await save(hub, "shared under the old key");
    await eventually("the spoke has it", () => finds(spoke, "under the old key"));
    const old = storagesOf(hub);
    expect([old.length, storagesOf(spoke)]).toEqual([1, old]);

    const { out } = await must(hub.kioku(["mesh", "rotate-key", "--yes"]));
    expect(out).toContain("kioku-mesh mesh join --merge -");
    await eventually(
      "the hub has a new storage alone",
      () => storagesOf(hub).length === 1 && storagesOf(hub)[0] !== old[0],
    );
    await eventually("the hub is back", () => viewOf(hub).linked && viewOf(hub).pending === 0);
    await save(hub, "only under the new key");
    expect((await doctor(spoke)).hubs).toStartWith(`fail: ${hub.address}:7447: belongs to another mesh (`);
    expect(await finds(spoke, "only under the new key")).toBe(false);

    const code = out.trimEnd().split("\n").at(-1)!;
    expect((await spoke.kioku(["mesh", "join", "-"], code)).status).toBe(4);
    await must(spoke.kioku(["mesh", "join", "--merge", "-"], code));
    await eventually("the spoke has it", () => finds(spoke, "only under the new key"));
    expect(storagesOf(spoke)).toEqual(storagesOf(hub));

    const left = await must(spoke.kioku(["mesh", "leave", "--yes"]));
    expect(left.out).toContain("left the mesh; the memory stays here");
    expect(storagesOf(spoke)).toEqual([]);
    expect(existsSync(join(spoke.home, ".config/mesh-mem/zenohd.json5"))).toBe(false);
    expect(look(spoke.home, code.slice(7, 50)).holding).toEqual([]);
    expect(routerOf(spoke)).toBeUndefined();
    expect(await finds(spoke, "only under the new key")).toBe(true);
    expect((await must(spoke.kioku(["status"]))).out).toContain("backend: local\n");
  },
  2 * minute,
);

meshTest(
  "a relay carries a mesh that it cannot read, also between hosts that are never there together",
  async () => {
    await using network = createNetwork(["relay", "a", "b"]);
    const [relay, a, b] = network.hosts as [Host, Host, Host];
    await must(a.kioku(["init", "--mode", "hub", "--listen", "127.0.0.1", "--connect", relay.address]));
    const relayCode = await invite(a, "--relay");
    await must(relay.kioku(["init", "--mode", "hub", "--listen", "0.0.0.0", "--join", "-"], relayCode));
    await joinAsSpoke(b, await invite(a));
    await relay.start();
    const aRun = await a.start();
    const bRun = await b.start();
    await save(a, "a word for b alone");
    await eventually("b has it", () => finds(b, "a word for b alone"));

    expect((await relay.kioku(["search", "a word"])).out).toContain("No matching memories");
    expect((await relay.kioku(["mesh", "peers"])).out).toBe(
      "this host: a relay, which can read nothing of the mesh; in the mesh\n",
    );
    const checks = await doctor(relay);
    const failing = Object.entries(checks).filter(([, said]) => !said.startsWith("pass"));
    expect(failing).toEqual([]);
    expect(checks.replicator).toBe("pass: none: a relay carries the mesh and cannot read it");
    expect(storagesOf(relay)).toEqual(storagesOf(a));
    for (const word of ["a word for b", (await invite(a)).slice(7, 40), a.hostName, b.hostName])
      expect([word, look(relay.home, word).holding]).toEqual([word, []]);
    expect((await relay.kioku(["mesh", "invite"])).status).toBe(2);

    // While b is away for a moment, a says something and goes for good.
    await bRun.stop();
    await save(a, "said while b was away");
    await eventually("a storage has it", () => viewOf(a).pending === 0);
    await aRun.stop();
    await b.start();
    await eventually("b has it", () => finds(b, "said while b was away"), minute);
  },
  3 * minute,
);
