import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { pause } from "../router/abort.ts";
import type { JsonObject } from "../router/config.ts";
import { parseEndpoint, type Endpoint } from "../router/endpoint.ts";
import { authorityName } from "../seal/certificate.ts";
import { endpointsOf } from "./configure.ts";
import type { Membership } from "./membership.ts";

/** Milliseconds for a hub to answer. */
const patience = 2_000;
/** The same for a router of an open mesh, which does not answer to TLS: it is only asked whether it is of a sealed one. */
const shortPatience = 500;

/** Milliseconds until a host that is not linked looks for the reason, and until it looks again. */
const firstLook = 4_000;
const laterLooks = 20_000;

/** A router that this host dials, and what is wrong with it. */
export interface HubProblem {
  hub: string;
  problem: string;
  hint: string;
}

/** Dials what a router's file dials, and gives what keeps this host from linking. */
export async function hubProblems(file: JsonObject, membership: Membership | undefined): Promise<HubProblem[]> {
  const meshId = membership?.kind === "open" ? undefined : membership?.meshId;
  const dialled = endpointsOf(file, "connect")
    .filter((text) => /^(tcp\/|tls\/|[^/]+$)/.test(text)) // of Zenoh's other protocols nothing is known here
    .map((text) => parseEndpoint(text, { sealed: false, role: "connect" }));
  const found = await Promise.all(dialled.map((endpoint) => problemOf(endpoint, meshId)));
  return found.flatMap((problem, i) =>
    problem ? [{ hub: `${dialled[i]!.host}:${dialled[i]!.port}`, ...problem }] : [],
  );
}

interface Watch {
  problems(): Promise<HubProblem[]>;
  /** Whether our router is linked to any other. */
  isLinked(): Promise<boolean>;
  /** Hears of the problems, where they are others than before. */
  tell(problems: HubProblem[]): void;
  failed(error: unknown): void;
}

/** Says what keeps this host from linking, until it is linked for the first time. Gives the function that ends it. */
export function watchHubs({ problems, isLinked, tell, failed }: Watch): () => void {
  const end = new AbortController();

  async function watch(): Promise<void> {
    let told: string | undefined;
    for (let wait = firstLook, linked = false; !linked; wait = laterLooks) {
      await pause(wait, end.signal);
      if (end.signal.aborted) return;
      linked = await isLinked();
      const found = linked ? [] : await problems();
      if (JSON.stringify(found) !== told && !end.signal.aborted) tell(found);
      told = JSON.stringify(found);
    }
  }

  void watch().catch(failed);
  return () => end.abort();
}

async function problemOf(endpoint: Endpoint, meshId: string | undefined): Promise<Omit<HubProblem, "hub"> | undefined> {
  const answer = endpoint.protocol === "tls" ? await certified(endpoint, patience) : await answers(endpoint);
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
  if (answer === "open") return await sealedProblem(endpoint);
  if (meshId === undefined || answer === authorityName(meshId)) return undefined;
  if (!/^kioku-mesh [0-9a-f]{32}$/.test(answer)) {
    return {
      problem: "shows a certificate of no mesh", // and whatever else stands in it is not repeated here
      hint: "Another program answers there, or someone who pretends to be the hub.",
    };
  }
  return {
    problem: `belongs to another mesh (${answer.replace(/^kioku-mesh /, "")}, this host to ${meshId})`,
    hint: "On it: kioku-mesh mesh invite. Here: kioku-mesh mesh join --merge -",
  };
}

/** What keeps an open mesh's host from linking to a router that does answer. */
async function sealedProblem(endpoint: Endpoint): Promise<Omit<HubProblem, "hub"> | undefined> {
  if (["plain", "silent"].includes(await certified(endpoint, shortPatience))) return undefined;
  return {
    problem: "speaks TLS, as a sealed mesh does, and this host is of an open one",
    hint: "On it: kioku-mesh mesh invite. Here: kioku-mesh mesh leave, then kioku-mesh init --mode spoke --join -",
  };
}

async function answers({ host, port }: Endpoint): Promise<"open" | "silent"> {
  const socket = connectPlain({ host, port });
  return await settled(
    socket,
    { event: "connect", within: patience },
    () => "open",
    () => "silent",
  );
}

/** Who has issued the certificate that it shows: it shows it to everybody. */
async function certified({ host, port }: Endpoint, within: number): Promise<string> {
  const socket = connectTls({ host, port, rejectUnauthorized: false }); // nothing is said to it, and nothing believed
  let reached = false;
  socket.once("connect", () => (reached = true));
  const issuer = () => String(socket.getPeerCertificate().issuer?.CN ?? "");
  return await settled(socket, { event: "secureConnect", within }, issuer, () => (reached ? "plain" : "silent"));
}

async function settled<T>(
  socket: Socket,
  { event, within }: { event: string; within: number },
  then: () => T,
  otherwise: () => T,
): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(otherwise()), within);
  socket.once(event, () => resolve(then()));
  socket.on("error", () => resolve(otherwise())); // refused, unreachable, unknown: all the same to who asks
  return await promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
