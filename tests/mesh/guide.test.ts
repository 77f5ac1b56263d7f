/** The guide to the mesh, followed to the letter: its hosts, addresses, commands and answers. */
import { expect } from "bun:test";
import { testWith } from "../needs.ts";
import { answerLike, readPage, stepsOf, type Step } from "../pages.ts";
import { converged, createNetwork, eventually, must, viewOf, type Host, type Running } from "./hosts.ts";

const meshTest = testWith("network namespaces", "a router");
const { blocks, tables } = await readPage("docs/mesh.md");

/** The steps that name their host, in order. */
function stepsOfGuide(): Step[] {
  const steps = blocks.filter(({ language }) => language === "console").flatMap(({ text }) => stepsOf(text));
  return steps.filter(({ host }) => host !== "");
}

/** The addresses that the guide's table gives a host. */
function addressesOf(name: string): string[] {
  const [, addresses = ""] = tables.find(([first]) => first === name) ?? [];
  return addresses.match(/\d+(?:\.\d+){3}/g) ?? [];
}

/** Someone who types what the guide says, and pastes the code that was printed last. */
function createReader() {
  const going = new Map<Host, Running>();
  const configured = new Set<Host>();
  let code = "";
  let id = "";

  function goesOn(host: Host, [verb, second]: string[]): boolean {
    if (verb !== "mesh") return false;
    return second === "run" || second === "start" || (second === "join" && !configured.has(host));
  }

  /** Starts a command that goes on, in place of the one that the host has going. */
  async function start(host: Host, argv: string[]): Promise<string> {
    const before = going.has(host) ? host.log().length : 0;
    await going.get(host)?.stop();
    going.set(host, await host.start(argv, `${code}\n`));
    const said = () => host.log().slice(before);
    return await eventually(`${host.name} is ready`, () => /is ready\n/.test(said()) && said());
  }

  async function answer(host: Host, argv: string[]): Promise<string> {
    if (goesOn(host, argv)) return await start(host, argv);
    if (argv[0] === "init") configured.add(host);
    const yes = argv[1] === "rotate-key" ? ["--yes"] : []; // who reads is asked
    return (await must(host.kioku([...argv, ...yes], `${code}\n`))).out;
  }

  return {
    configured,
    async follow(host: Host, { command, shown }: Step): Promise<void> {
      const argv = wordsOf(command.replace(/\bID\b/, id)).slice(1);
      const right = answerLike(shown);
      const asks = argv[0] === "search" || argv[1] === "peers"; // what others did arrives when it arrives
      const out = await eventually(`${host.name}$ ${command} prints ${shown.join("\n")}`, async () => {
        const text = await answer(host, argv);
        return (!asks || right.test(text)) && text;
      });
      expect(out).toMatch(right);
      code = /kioku\d_\S+/.exec(out)?.[0] ?? code;
      id = /^saved: (\S+)/.exec(out)?.[1] ?? id;
    },
  };
}

/** The words of a command line, as a shell takes them apart. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

async function online(host: Host): Promise<number> {
  return (await viewOf(host)).peers.filter((peer) => peer.online).length;
}

meshTest(
  "the guide to the mesh works as it stands",
  async () => {
    const steps = stepsOfGuide();
    await using network = createNetwork([...new Set(steps.map(({ host }) => host))]);
    const hosts = new Map(network.hosts.map((host) => [host.name, host]));
    for (const host of network.hosts) {
      for (const address of addressesOf(host.name)) {
        await network.spawnAt(host, ["ip", "addr", "add", `${address}/24`, "dev", "eth0"]).exited;
      }
    }
    const reader = createReader();
    for (const step of steps) await reader.follow(hosts.get(step.host)!, step);

    const mesh = [...reader.configured];
    expect(await converged(mesh)).toBeGreaterThan(1);
    for (const host of mesh) {
      await eventually(`${host.name} sees the others`, async () => (await online(host)) === mesh.length - 1);
    }
  },
  3 * 60_000,
);
