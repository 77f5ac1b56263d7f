import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { pause } from "../router/abort.ts";
import type { JsonObject } from "../router/config.ts";
import { parseEndpoint, type Endpoint } from "../router/endpoint.ts";
import { authorityName } from "../seal/certificate.ts";
import { endpointsOf } from "./configure.ts";

/** Milliseconds for a hub to answer. */
const patience = 2_000;

/** Milliseconds until a host that is not linked looks for the reason, and until it looks again. */
const firstLook = 4_000;
const laterLooks = 20_000;

/** A router that this host dials, and what is wrong with it. */
export interface HubProblem {
  hub: string;
  problem: string;
  hint: string;
}

/** Dials what a router's file dials, and gives what keeps this host from linking. `meshId` where the mesh is sealed. */
export async function hubProblems(file: JsonObject, meshId: string | undefined): Promise<HubProblem[]> {
  const dialled = endpointsOf(file, "connect").map((text) => parseEndpoint(text, { sealed: false, role: "connect" }));
  const found = await Promise.all(dialled.map((endpoint) => problemOf(endpoint, meshId)));
  return found.flatMap((problem, i) =>
    problem ? [{ hub: `${dialled[i]!.host}:${dialled[i]!.port}`, ...problem }] : [],
  );
}

interface Watch {
  problems(): Promise<HubProblem[]>;
  /** Whether our router is linked to any other. */
  isLinked(): Promise<boolean>;
  note(line: string): void;
}

/** Says what keeps this host from linking, until it is linked for the first time. Gives the function that ends it. */
export function watchHubs({ problems, isLinked, note }: Watch): () => void {
  const end = new AbortController();

  async function watch(): Promise<void> {
    let told = "";
    for (let wait = firstLook; ; wait = laterLooks) {
      await pause(wait, end.signal);
      if (end.signal.aborted || (await isLinked())) return;
      const found = (await problems()).map(({ hub, problem, hint }) => `${hub}: ${problem}. ${hint}`).join("\n");
      if (found !== told && found !== "" && !end.signal.aborted) note(found);
      told = found;
    }
  }

  void watch().catch((error: unknown) => note(`hubs: ${error instanceof Error ? error.message : String(error)}`));
  return () => end.abort();
}

async function problemOf(endpoint: Endpoint, meshId: string | undefined): Promise<Omit<HubProblem, "hub"> | undefined> {
  const answer = endpoint.protocol === "tls" ? await certified(endpoint) : await answers(endpoint);
  if (answer === "silent") {
    return {
      problem: "no answer",
      hint: "Is `kioku-mesh mesh run` running there, and does its firewall let the port in?",
    };
  }
  if (answer === "plain") {
    return {
      problem: "speaks no TLS",
      hint: "Is it an open mesh's, or another program's? A sealed mesh links by TLS alone.",
    };
  }
  if (meshId === undefined || answer === "open" || answer === authorityName(meshId)) return undefined;
  return {
    problem: `belongs to another mesh (${answer.replace(/^kioku-mesh /, "")}; this host to ${meshId})`,
    hint: "On it: kioku-mesh mesh invite. Here: kioku-mesh mesh join --merge -",
  };
}

async function answers({ host, port }: Endpoint): Promise<"open" | "silent"> {
  const socket = connectPlain({ host, port });
  return await settled(
    socket,
    "connect",
    () => "open",
    () => "silent",
  );
}

/** Who has issued the certificate that it shows: it shows it to everybody. */
async function certified({ host, port }: Endpoint): Promise<string> {
  const socket = connectTls({ host, port, rejectUnauthorized: false }); // nothing is said to it, and nothing believed
  let reached = false;
  socket.once("connect", () => (reached = true));
  const issuer = () => String(socket.getPeerCertificate().issuer?.CN ?? "");
  return await settled(socket, "secureConnect", issuer, () => (reached ? "plain" : "silent"));
}

async function settled<T>(socket: Socket, event: string, then: () => T, otherwise: () => T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(otherwise()), patience);
  socket.once(event, () => resolve(then()));
  socket.on("error", () => resolve(otherwise())); // refused, unreachable, unknown: all the same to who asks
  return await promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
