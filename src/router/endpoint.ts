import { isIPv4, isIPv6 } from "node:net";
import type { networkInterfaces } from "node:os";
import { UserError } from "../core/errors.ts";

/** The port on which routers link, as every Zenoh router does. */
export const linkPort = 7447;
/** The port of `mesh start`, which must not meet a router that is already there. */
export const ephemeralLinkPort = 17447;

export interface Endpoint {
  protocol: "tcp" | "tls" | "udp";
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  host: string;
  port: number;
  /** What Zenoh allows behind the address (`?…`, `#…`), as written. */
  options: string;
}

export interface EndpointRules {
  /** In a sealed mesh every endpoint is `tls/`, loopback too. */
  sealed: boolean;
  role: "listen" | "connect";
  defaultPort?: number;
}

/**
 * Reads an endpoint as a person types it: `HOST`, `HOST:PORT`, `::1`, `[fe80::1]:7447`, each with or without `tcp/` and the
 * like in front. Throws UserError `usage` that says what is wrong with it.
 */
export function parseEndpoint(text: string, { sealed, role, defaultPort = linkPort }: EndpointRules): Endpoint {
  const refuse = (problem: string, hint = "write IP, IP:PORT, [IPv6]:PORT or HOST:PORT"): never => {
    throw new UserError("usage", `${text.trim() === "" ? "an endpoint" : `endpoint ${text}`} ${problem}`, { hint });
  };
  if (text.trim() === "") refuse("must not be empty");
  if (/["'`\\]/.test(text)) refuse("contains a quote", "leave the quotes out");
  if (/,/.test(text)) refuse("contains a comma", `one endpoint for each --${role}`);
  if (/\s/.test(text.trim())) refuse("contains a space");
  const [, scheme, slashes, address = "", options = ""] = /^(?:([A-Za-z][\w+-]*)(:?\/\/?))?([^?#]*)(.*)$/.exec(
    text.trim(),
  )!;
  if (slashes !== undefined && slashes !== "/") refuse("is written as a URL", `write ${scheme}/${address}`);
  const protocol = admit(scheme?.toLowerCase(), sealed, refuse);
  const [host, port] = splitAddress(address, refuse);
  checkHost(host, role, refuse);
  return { protocol, host, port: port === undefined ? defaultPort : readPort(port, refuse), options };
}

/** Reads several endpoints; the same one twice counts once. */
export function parseEndpoints(texts: readonly string[], rules: EndpointRules): string[] {
  return [...new Set(texts.map((text) => endpointText(parseEndpoint(text, rules))))];
}

/** An endpoint as Zenoh writes it. */
export function endpointText({ protocol, host, port, options }: Endpoint): string {
  return `${protocol}/${host.includes(":") ? `[${host}]` : host}:${port}${options}`;
}

export function isLoopback({ host }: Endpoint): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** Whether it means every interface, as only a listener can. */
function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || (isIPv6(host) && /^[0:]+$/.test(host));
}

/** An endpoint that was asked for and is not dialled. */
export interface SkippedEndpoint {
  endpoint: string;
  reason: string;
}

/**
 * Splits the value of ZENOH_CONNECT into the endpoints to dial besides the configured ones, and those that are not dialled
 * with the reason. Our own listener, which the original's clients name there, is neither.
 */
export function furtherEndpoints(
  text: string,
  { sealed, listen, addresses }: { sealed: boolean; listen: readonly Endpoint[]; addresses: readonly string[] },
): { dial: string[]; skipped: SkippedEndpoint[] } {
  const dial: string[] = [];
  const skipped: SkippedEndpoint[] = [];
  for (const part of text.split(",").map((piece) => piece.trim())) {
    if (part === "") continue;
    try {
      const endpoint = parseEndpoint(part, { sealed: false, role: "connect" });
      const here = isLoopback(endpoint) || addresses.includes(endpoint.host);
      if (here && listen.some((own) => own.port === endpoint.port && covers(own, endpoint))) continue;
      if (sealed && endpoint.protocol !== "tls")
        skipped.push({ endpoint: part, reason: `a sealed mesh links by TLS alone, not by ${endpoint.protocol}/` });
      else dial.push(endpointText(endpoint));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      skipped.push({ endpoint: part, reason: error.message });
    }
  }
  return { dial: [...new Set(dial)], skipped };
}

function covers(own: Endpoint, asked: Endpoint): boolean {
  return isWildcard(own.host) || own.host === asked.host || (isLoopback(own) && isLoopback(asked));
}

/** This machine's IPv4 addresses that others may reach, from `os.networkInterfaces()`; those of containers come last. */
export function listenAddresses(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const virtual = /^(docker|br-|veth|virbr|vmnet|vEthernet|cni|flannel)/;
  const found = Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ family, internal, address }) => family === "IPv4" && !internal && !address.startsWith("169.254."))
      .map(({ address }) => ({ address, last: virtual.test(name) })),
  );
  const sorted = [...found.filter(({ last }) => !last), ...found.filter(({ last }) => last)];
  return [...new Set(sorted.map(({ address }) => address))];
}

type Refuse = (problem: string, hint?: string) => never;

function admit(scheme: string | undefined, sealed: boolean, refuse: Refuse): Endpoint["protocol"] {
  if (sealed) {
    if (scheme === undefined || scheme === "tcp" || scheme === "tls") return "tls";
    return refuse(
      `cannot be sealed: ${scheme}/ has no TLS`,
      "leave the protocol out, or make an open mesh with --open",
    );
  }
  if (scheme === undefined) return "tcp";
  if (scheme === "tcp" || scheme === "udp" || scheme === "tls") return scheme;
  return refuse(`has the unknown protocol ${scheme}/`, "tcp/, udp/ or tls/");
}

function splitAddress(address: string, refuse: Refuse): [host: string, port: string | undefined] {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(address);
  if (bracketed) {
    if (!isIPv6(bracketed[1]!)) refuse("has something other than an IPv6 address in its brackets");
    return [bracketed[1]!, bracketed[2]];
  }
  if (/[[\]]/.test(address)) refuse("has a stray bracket");
  if (address.split(":").length > 2) {
    if (!isIPv6(address)) refuse("is not an address", "an IPv6 address with a port is written [IPv6]:PORT");
    return [address, undefined];
  }
  const [host = "", port] = address.split(":");
  return [host, port];
}

function checkHost(host: string, role: EndpointRules["role"], refuse: Refuse): void {
  if (/%\D/.test(host)) refuse("names its interface", "use the interface's number, as in [fe80::1%2]:7447");
  if (role === "connect" && isWildcard(host)) refuse("means every interface, which cannot be dialled", "name the hub");
  if (isIPv6(host)) return;
  if (/^[\d.]+$/.test(host) ? !isIPv4(host) : !/^(?!-)[\w-]+(\.[\w-]+)*\.?$/.test(host))
    refuse(host === "" ? "has no host" : "has a host that is neither an IP address nor a name");
}

function readPort(port: string, refuse: Refuse): number {
  const number = /^\d{1,5}$/.test(port) ? Number(port) : Number.NaN;
  return number >= 1 && number <= 65535 ? number : refuse("needs a port from 1 to 65535");
}
