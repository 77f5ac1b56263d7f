import { afterAll, beforeAll, expect } from "bun:test";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJoinCode } from "../../src/seal/join-code.ts";
import { deriveKeys } from "../../src/seal/keys.ts";
import { recordSpace } from "../../src/seal/name.ts";
import { sealRecord } from "../../src/seal/record-seal.ts";
import { digestOf } from "../../src/core/record.ts";
import { has, testWith } from "../needs.ts";
import type { Capture } from "./capture.ts";
import { converged, createNetwork, eventually, finds, invite, meshOf, save, viewOf, type Host } from "./hosts.ts";
import { intrude as intrudeAt, portOf, runIntruder } from "./intrude.ts";
import type { Intrusion } from "./intruder.ts";

const needs = ["network namespaces", "a router"] as const;
const meshTest = testWith(...needs);
const minute = 60_000;

const content = "the vault opens with marmalade";
const project = "operation-pomegranate";
const tag = "quince-jelly";

let network: ReturnType<typeof createNetwork>;
let hosts: [Host, Host];
let captures: Capture[];

if (has(needs[0]) && has(needs[1])) {
  beforeAll(async () => {
    network = createNetwork(["hub", "spoke"]);
    hosts = network.hosts as [Host, Host];
    captures = [await network.capture(hosts[1])];
    await meshOf(hosts);
    for (const host of hosts) await save(host, `${content}, says ${host.name}`, "--project", project, "--tags", tag);
    for (let i = 0; i < 12; i++) await save(hosts[i % 2]!, `memory number ${i}`);
    await converged(hosts);
  }, minute);
  afterAll(() => network[Symbol.asyncDispose]());
}

/** Everything that is in the files of a directory, by path. */
function filesBelow(directory: string): Map<string, Buffer> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name))] as const),
  );
}

/** Which of the words occur in some bytes, in any of the encodings that a program writes text in. */
function wordsIn(bytes: Uint8Array, words: readonly string[]): string[] {
  const buffer = Buffer.from(bytes);
  return words.filter((word) => buffer.includes(word) || buffer.includes(Buffer.from(word, "utf16le")));
}

/** The mesh's secret, in every spelling in which somebody could show it. */
async function secretWords(host: Host): Promise<string[]> {
  const text = await invite(host);
  const code = decodeJoinCode(text);
  if (code.kind !== "full") throw new Error("no key in the code");
  const key = Buffer.from(code.meshKey);
  return [text, text.slice(7, 50), key.toString("latin1"), ...(["hex", "base64"] as const).map((e) => key.toString(e))];
}

const saved = () => [content, "marmalade", project, tag, ...hosts.map(({ hostName }) => hostName)];
const storageOf = (host: Host) =>
  join(
    host.state,
    readdirSync(host.state).find((name) => name.startsWith("kioku_"))!,
  );
const intrude = (host: Host, what: Omit<Intrusion, "port">) => intrudeAt(network, host, what);

meshTest(
  "what was saved is in clear in the database, and in no other place: storage, wire, log, process list",
  async () => {
    const secret = await secretWords(hosts[0]);
    await eventually("each knows the other's name", () =>
      hosts.map(viewOf).every((view, i) => view.peers[0]?.name === hosts[1 - i]!.hostName),
    );
    const [wire] = await Promise.all(captures.map((capture) => capture.stop()));
    expect(wire!.length).toBeGreaterThan(10_000);
    expect(wordsIn(wire!, [...saved(), ...secret])).toEqual([]);
    for (const host of hosts) {
      const database = [...filesBelow(host.state)].filter(([path]) => path.includes("memory.db"));
      const inDatabase = database.flatMap(([, bytes]) => wordsIn(bytes, saved()));
      expect(inDatabase).toContain(content); // the search below can find something
      const storage = filesBelow(storageOf(host));
      expect(storage.size).toBeGreaterThan(3);
      const log = readFileSync(join(host.state, "mesh", "zenohd.log"));
      for (const bytes of [log, Buffer.from(host.log())]) expect(wordsIn(bytes, [...saved(), ...secret])).toEqual([]);
      // RocksDB signs its files with the name of the machine that they lie on: no news to whoever has its disk.
      const words = [...saved(), ...secret].filter((word) => word !== host.hostName);
      for (const bytes of storage.values()) expect(wordsIn(bytes, words)).toEqual([]);
      for (const [path, bytes] of filesBelow(host.home)) {
        const places = path.endsWith("/mesh/membership") ? [] : wordsIn(bytes, secret);
        expect([path, places]).toEqual([path, []]);
      }
    }
    const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const lines = processes
      .map((pid) => commandLine(pid))
      .filter((line) => hosts.some(({ home }) => line.includes(home)));
    expect(lines.length).toBeGreaterThanOrEqual(2); // two routers at least
    expect(wordsIn(Buffer.from(lines.join("\n")), [content, project, tag, ...secret])).toEqual([]);
  },
  minute,
);

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has ended meanwhile
  }
}

meshTest(
  "status, doctor and --print show neither secret nor memories, and no file can be read by others",
  async () => {
    const secret = await secretWords(hosts[0]);
    for (const host of hosts) {
      for (const argv of [
        ["status"],
        ["doctor", "--json"],
        ["init", "--mode", "hub", "--listen", "0.0.0.0", "--print"],
      ]) {
        const { out, err } = await host.kioku(argv);
        expect([argv, wordsIn(Buffer.from(out + err), [content, tag, ...secret])]).toEqual([argv, []]);
      }
      const open = readdirSync(host.home, { recursive: true }).filter((name) => {
        const stat = lstatSync(join(host.home, String(name)));
        return !stat.isSymbolicLink() && (stat.mode & 0o077) !== 0;
      });
      expect(open).toEqual([]);
    }
  },
  minute,
);

meshTest(
  "the WebSocket is the loopback's alone, and nothing to a browser",
  async () => {
    for (const [i, host] of hosts.entries()) {
      const port = portOf(host);
      expect(await runIntruder(network, host, [`ws://127.0.0.1:${port}/`])).toBe('"closed"');
      expect(await runIntruder(network, host, [`wss://127.0.0.1:${port}/`])).toBe('"closed"');
      expect(await runIntruder(network, hosts[1 - i]!, [`wss://${host.address}:${port}/`])).toBe('"closed"');
      const sockets = await new Response(network.spawnAt(host, ["ss", "-Htln"]).stdout).text();
      const listening = sockets
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/)[3]);
      const links = i === 0 ? [`${host.address}:7447`] : ["127.0.0.1:7447"];
      expect(listening.sort()).toEqual([`127.0.0.1:${port}`, ...links].sort());
    }
  },
  minute,
);

meshTest(
  "a local user who ignores the certificate reads ciphertext alone",
  async () => {
    const records = await intrude(hosts[0], { dump: "**" });
    const { meshId, keys } = await meshKeys();
    expect(Object.keys(records)).toHaveLength(14);
    for (const [name, hex] of Object.entries(records)) {
      expect(name).toMatch(new RegExp(`^kioku/${meshId}/record/[0-9a-f]{32}$`));
      expect(wordsIn(Buffer.from(hex, "hex"), saved())).toEqual([]);
    }
    const admin = await intrude(hosts[0], { dump: "@/**" });
    const shown = Object.entries(admin)
      .flatMap(([name, hex]) => [name, Buffer.from(hex, "hex").toString()])
      .join("\n");
    expect(shown).toContain("storage_manager");
    expect(wordsIn(Buffer.from(shown), [...saved(), ...(await secretWords(hosts[0])), "PRIVATE KEY"])).toEqual([]);
    expect(keys.meshId).toBe(meshId);
  },
  minute,
);

async function meshKeys() {
  const code = decodeJoinCode(await invite(hosts[0]));
  if (code.kind !== "full") throw new Error("no key in the code");
  const keys = deriveKeys(code.meshKey);
  return { keys, meshId: keys.meshId };
}

/** Waits until every router's storage holds exactly these records again. */
async function restored(records: { [name: string]: string }): Promise<void> {
  for (const host of hosts) {
    await eventually(
      `the storage of ${host.name} is whole`,
      async () => {
        const found = await intrude(host, { dump: "kioku/**" });
        return Object.entries(records).every(([name, hex]) => found[name] === hex);
      },
      minute,
    );
  }
}

meshTest(
  "what he deletes, all at once or one record, comes back, and nobody loses a memory",
  async () => {
    const records = await intrude(hosts[0], { dump: "kioku/**" });
    const { meshId } = await meshKeys();
    await intrude(hosts[0], { remove: [`${recordSpace(meshId)}/**`] });
    await restored(records);
    await intrude(hosts[1], { remove: [Object.keys(records)[3]!] });
    await restored(records);
    expect(await converged(hosts)).toBe(14);
    for (const host of hosts) expect(await finds(host, "marmalade")).toBe(true);
  },
  2 * minute,
);

meshTest(
  "what he forges is dropped and counted on every host, and what he overwrote comes back",
  async () => {
    const records = await intrude(hosts[0], { dump: "kioku/**" });
    const { meshId } = await meshKeys();
    const [[name, hex], [other, otherHex]] = Object.entries(records) as [[string, string], [string, string]];
    const bent = Buffer.from(hex, "hex");
    bent[40]! ^= 1;
    const payload = JSON.stringify({ observation_id: "0".repeat(32), content: "obey me" });
    const record = { kind: "observation", id: "0".repeat(32), digest: digestOf(payload), at: "", payload };
    const foreign = sealRecord({ ...deriveKeys(new Uint8Array(32).fill(9)), meshId }, record);
    const space = recordSpace(meshId);
    await intrude(hosts[1], {
      put: {
        [name]: bent.toHex(), // changed by a bit
        [other]: hex, // moved to another name
        [foreign.name]: Buffer.from(foreign.bytes).toHex(), // of another mesh
        [`${space}/${"0".repeat(32)}`]: Buffer.from(payload).toHex(), // made up
      },
    });
    for (const host of hosts) {
      await eventually(`${host.name} counts them`, () => {
        const { dropped } = viewOf(host);
        return Object.values(dropped).reduce((a, b) => a + b, 0) >= 4;
      });
      expect((await host.kioku(["mesh", "peers"])).out).toContain("dropped");
      expect(await finds(host, "obey me")).toBe(false);
    }
    await restored({ [name]: hex, [other]: otherHex });
    expect(await converged(hosts)).toBe(14);
  },
  2 * minute,
);
