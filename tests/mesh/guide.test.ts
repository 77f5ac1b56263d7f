/** The guide to the mesh, followed to the letter: its hosts, addresses, commands and answers. */
import { expect } from "bun:test";
import { answerLike, readPage, stepsOf, type Step } from "../pages.ts";
import { testWith } from "../needs.ts";
import { converged, createNetwork, eventually, must, viewOf, type Host, type Running } from "./hosts.ts";

const page = "docs/mesh.md";
const meshTest = testWith("network namespaces", "a router");

/** The steps that name their host, in order. */
async function stepsOfGuide(): Promise<Step[]> {
  const { blocks } = await readPage(page);
  const steps = blocks.filter(({ language }) => language === "console").flatMap(({ text }) => stepsOf(text));
  return steps.filter(({ host }) => host !== "");
}

/** The addresses that the guide's table gives a host. */
async function addressesOf(name: string): Promise<string[]> {
  const { tables } = await readPage(page);
  const row = tables.find(([first]) => first === name);
  return row ? [...row[1]!.matchAll(/\d+(?:\.\d+){3}/g)].map(([address]) => address) : [];
}

meshTest(
  "the guide to the mesh works as it stands",
  async () => {
    const steps = await stepsOfGuide();
    await using network = createNetwork([...new Set(steps.map(({ host }) => host))]);
    const hosts = new Map(network.hosts.map((host) => [host.name, host]));
    const going = new Map<Host, Running>();
    const configured = new Set<Host>();
    let code = "";
    let id = "";

    /** Starts a command that goes on, in place of the one that the host has going. */
    async function start(host: Host, argv: string[]): Promise<string> {
      const said = going.has(host) ? host.log().length : 0;
      await going.get(host)?.stop();
      going.set(host, await host.start(argv, `${code}\n`));
      const sayNow = () => host.log().slice(said);
      return await eventually(`${host.name} is ready`, () => /is ready\n/.test(sayNow()) && sayNow());
    }

    async function answer(host: Host, argv: string[]): Promise<string> {
      const [verb, second] = argv;
      const goesOn =
        verb === "mesh" && (["run", "start"].includes(second!) || (second === "join" && !configured.has(host)));
      if (goesOn) return await start(host, argv);
      if (verb === "init") configured.add(host);
      const yes = second === "rotate-key" ? ["--yes"] : []; // its reader is asked
      return (await must(host.kioku([...argv, ...yes], `${code}\n`))).out;
    }

    for (const { name } of network.hosts) {
      for (const address of await addressesOf(name)) {
        await network.spawnAt(hosts.get(name)!, ["ip", "addr", "add", `${address}/24`, "dev", "eth0"]).exited;
      }
    }
    for (const { host: name, command, shown } of steps) {
      const host = hosts.get(name)!;
      const argv = wordsOf(command.replace(/\bID\b/, id)).slice(1);
      const asks = argv[0] === "search" || argv[1] === "peers"; // what others did arrives when it arrives
      const right = answerLike(shown);
      const out = await eventually(`${name}$ ${command} prints ${shown.join("\n")}`, async () => {
        const text = await answer(host, argv);
        return (!asks || right.test(text)) && text;
      });
      expect(out).toMatch(right);
      code = /kioku\d_\S+/.exec(out)?.[0] ?? code;
      id = /^saved: (\S+)/.exec(out)?.[1] ?? id;
    }
    const mesh = [...configured];
    expect(await converged(mesh)).toBeGreaterThan(1);
    for (const host of mesh) {
      await eventually(
        `${host.name} sees the others`,
        async () => (await viewOf(host)).peers.length === mesh.length - 1,
      );
    }
  },
  3 * 60_000,
);

/** The words of a command line, as a shell takes them apart. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}
