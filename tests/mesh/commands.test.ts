import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { testWith } from "../needs.ts";
import { binary, converged, createNetwork, eventually, finds, save, type Host } from "./hosts.ts";

const minute = 60_000;

const storagesOf = (host: Host) => readdirSync(host.state).filter((name) => name.startsWith("kioku_"));
const environment = ({ home, state, name }: Host) => ({
  HOME: home,
  PATH: process.env.PATH ?? "",
  KIOKU_MESH_STATE_DIR: state,
  KIOKU_MESH_CLIENT_ID: name,
});

/** Waits until a host's process has said something; gives all that it has said. */
async function says(host: Host, what: string | RegExp): Promise<string> {
  const isThere = (text: string) => (typeof what === "string" ? text.includes(what) : what.test(text));
  try {
    return await eventually(`${host.name} says ${String(what)}`, () => isThere(host.log()) && host.log());
  } catch (cause) {
    throw new Error(host.log(), { cause });
  }
}

/** What everybody on the machine can see of all processes, and root of their environments. */
function processList(): string {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => ["cmdline", "environ"].map((file) => seen(`/proc/${pid}/${file}`))).join("\n");
}

function seen(path: string): string {
  try {
    return readFileSync(path, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // it has ended meanwhile
  }
}

testWith("network namespaces", "a router", "script")(
  "mesh start and mesh join: a mesh for as long as they run, by a code that only its reader sees",
  async () => {
    await using network = createNetwork(["a", "b", "c"]);
    const [a, b, c] = network.hosts as [Host, Host, Host];
    const start = await a.start(["mesh", "start"]);
    const code = /^ {2}(kioku1_\S+)$/m.exec(await says(a, "Press Ctrl-C"))![1]!;
    expect(a.log()).toContain("Router listening on 0.0.0.0:17447 (all interfaces).\n");

    // Typed on a terminal: asked for, and not shown.
    const record = join(b.home, "terminal");
    const typing = network.commandAt(b, ["script", "-qfec", `exec ${binary} mesh join -`, record]);
    await using terminal = Bun.spawn(typing, {
      env: environment(b),
      stdin: "pipe",
      stdout: "ignore",
      stderr: "ignore",
    });
    const shown = () => (existsSync(record) ? readFileSync(record, "utf8") : "");
    await eventually("it asks", () => shown().includes("join code (not shown): "));
    terminal.stdin.write(`${code}\r`);
    await terminal.stdin.flush();
    await eventually("b takes part", () => shown().includes("is ready"));
    expect(shown()).not.toContain(code.slice(7, 30));

    // As an argument: with a warning, and not for long.
    const joined = await c.start(["mesh", "join", code]);
    await says(c, "is ready");
    expect(c.log()).toContain("warning: a join code as an argument can be read by every user");
    expect(seen(`/proc/${joined.pid}/cmdline`).trim()).toEndWith(`mesh join ${a.address}:17447`);
    expect(processList()).toContain(c.state);
    expect(processList()).not.toContain(code);

    const texts = await Promise.all(network.hosts.map((host) => save(host, `kept by ${host.name}`)));
    expect(await converged(network.hosts)).toBe(texts.length);
    expect(await finds(b, "kept by c")).toBe(true);
    await eventually("a knows that c has the same", async () =>
      (await a.kioku(["mesh", "peers"])).out.match(/this host: in the mesh;[^]* peer c-laptop .*online, same memories/),
    );
    const status = JSON.parse((await a.kioku(["status", "--json"])).out);
    expect([status.backend, status.zenoh_session, status.pending_puts]).toEqual(["local", "connected", 0]);
    expect((await a.kioku(["mesh", "invite"])).out).toContain(`dials: ${a.address}:17447`);

    // Nothing is kept by a router; the memories are where they were seen.
    expect(network.hosts.flatMap(storagesOf)).toEqual([]);
    await start.stop("SIGINT");
    expect(await start.exited).toBe(0);
    expect((await a.kioku(["mesh", "peers"])).out).toBe("this host belongs to no mesh\n");
    expect(await finds(a, "kept by b")).toBe(true);

    // With the key that is here already an address is enough.
    await joined.stop();
    await a.start(["mesh", "start"]);
    await c.start(["mesh", "join", a.address]);
    await save(c, "by address alone");
    await eventually("a has it", () => finds(a, "by address alone"));
  },
  2 * minute,
);

testWith("network namespaces", "a router")(
  "an open mesh for an hour takes an address and the word --open, on both sides",
  async () => {
    await using network = createNetwork(["a", "b"]);
    const [a, b] = network.hosts as [Host, Host];
    await a.start(["mesh", "start", "--open", "--listen", a.address]);
    await says(a, "an open mesh: whoever reaches its endpoints can read, change and delete what is here\n"); // on stderr
    expect(await says(a, "Press Ctrl-C to stop.\n")).toContain(
      `  on other hosts: kioku-mesh mesh join --open ${a.address}:17447\n`,
    );
    const refused = await b.kioku(["mesh", "join", `${a.address}:17447`]);
    expect([refused.status, refused.err.split("\n")[0]]).toEqual([2, "error: this host has no key of the mesh"]);
    await b.start(["mesh", "join", "--open", `${a.address}:17447`]);
    await save(b, "in clear, by choice");
    await eventually("a has it", () => finds(a, "in clear, by choice"));
    const second = await a.kioku(["mesh", "join", "--open", b.address]);
    expect([second.status, second.err]).toEqual([
      4,
      expect.stringContaining("another process of this host takes part in the mesh already"),
    ]);
  },
  minute,
);
