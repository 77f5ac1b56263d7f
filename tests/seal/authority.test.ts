import { afterAll, expect, test } from "bun:test";
import { createHash, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type ConnectionOptions } from "node:tls";
import { AsnConvert } from "@peculiar/asn1-schema";
import * as asn1 from "@peculiar/asn1-x509";
import {
  issueLinkCredentials,
  issueLoopbackCredentials,
  issueRelayCredentials,
  meshAuthority,
} from "../../src/seal/authority.ts";
import { certificateExpiry, credentialState, fromPem, toPem, type Credentials } from "../../src/seal/certificate.ts";
import { deriveKeys } from "../../src/seal/keys.ts";
import { testWith } from "../needs.ts";
import { foreignKeys, keys } from "./records.ts";

const now = new Date();
const hours = (count: number) => new Date(now.getTime() + count * 3_600_000);
const years = (count: number) => hours(count * 365 * 24);
const authority = meshAuthority(keys);
const foreignAuthority = meshAuthority(foreignKeys);
const directory = mkdtempSync(join(tmpdir(), "kioku-seal-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("every host of a mesh derives the same authority, to the byte, and another mesh another", () => {
  expect(meshAuthority(deriveKeys(new Uint8Array(32).fill(1))).certificate).toBe(authority.certificate);
  expect(foreignAuthority.certificate).not.toBe(authority.certificate);
});

test("an authority shows no private key where it is logged", () => {
  const shown = Bun.inspect(authority, { depth: 9 }) + JSON.stringify(authority);
  expect(shown).not.toContain("PRIVATE");
  expect(shown).not.toContain("privateKey");
});

test("credentials of one host hold under the authority that another derived", () => {
  const elsewhere = meshAuthority(deriveKeys(new Uint8Array(32).fill(1)));
  const { certificate, privateKey } = issueLinkCredentials(elsewhere);
  expect(credentialState({ certificate, privateKey, authority: authority.certificate }, now)).toBe("valid");
});

test("two credentials share neither key nor serial number", () => {
  const [one, other] = [issueLinkCredentials(authority), issueLinkCredentials(authority)];
  expect(one.privateKey).not.toBe(other.privateKey);
  expect(one.certificate).not.toBe(other.certificate);
});

test("a host's credentials hold whatever its clock said while they were made, and says later", () => {
  const link = issueLinkCredentials(authority);
  for (const count of [-5, 0, 5, 70, 1_000]) expect(credentialState(link, years(count))).toBe("valid");
});

test("a relay's credentials hold for two years, and on a host whose clock is days behind", () => {
  const relay = issueRelayCredentials(authority, now);
  expect(credentialState(relay, hours(-7 * 24 + 1))).toBe("valid");
  expect(credentialState(relay, hours(-7 * 24 - 1))).toBe("notYetValid");
  expect(credentialState(relay, years(1.9))).toBe("valid");
  expect(credentialState(relay, years(2.1))).toBe("expired");
  expect(certificateExpiry(relay.certificate)?.getTime()).toBeCloseTo(years(2).getTime(), -4);
});

test("credentials of another mesh, mixed up or damaged are told apart", () => {
  const link = issueLinkCredentials(authority);
  const foreign = issueLinkCredentials(foreignAuthority);
  expect(credentialState({ ...foreign, authority: link.authority }, now)).toBe("foreign");
  expect(credentialState({ ...link, privateKey: foreign.privateKey }, now)).toBe("damaged");
  expect(credentialState({ ...link, privateKey: "" }, now)).toBe("damaged");
  expect(credentialState({ ...link, certificate: link.certificate.slice(0, 200) }, now)).toBe("damaged");
  expect(certificateExpiry("no certificate")).toBeUndefined();
});

test("a certificate, which a router shows to whoever dials, says which mesh and which role, and no more", () => {
  const { subject, issuer, subjectAltName } = new X509Certificate(issueLinkCredentials(authority).certificate);
  expect([subject, issuer]).toEqual(["CN=kioku-mesh host", `CN=kioku-mesh ${keys.meshId}`]);
  expect(subjectAltName).toBe("DNS:host.kioku-mesh.internal");
});

test("PEM comes back as it was, and what is none is refused", () => {
  for (const length of [1, 47, 48, 49, 500]) {
    const der = new Uint8Array(length).fill(length);
    expect(fromPem(toPem("CERTIFICATE", der))).toEqual(der);
  }
  expect(() => fromPem("nothing here")).toThrow(SyntaxError);
});

testWith("openssl")("OpenSSL accepts the chain strictly, for both sides of a link", () => {
  const link = issueLinkCredentials(authority);
  const relay = issueRelayCredentials(authority, now);
  const loopback = issueLoopbackCredentials();
  const verdict = (trusted: string, certificate: string, purpose: string) => {
    const files = [trusted, certificate].map((pem, index) => {
      writeFileSync(join(directory, `${index}.pem`), pem);
      return join(directory, `${index}.pem`);
    });
    const options = ["-x509_strict", "-no-CApath", "-no-CAstore", "-purpose", purpose, "-CAfile", ...files];
    return Bun.spawnSync(["openssl", "verify", ...options]).exitCode;
  };
  for (const { certificate } of [link, relay]) {
    expect(verdict(authority.certificate, certificate, "sslclient")).toBe(0);
    expect(verdict(authority.certificate, certificate, "sslserver")).toBe(0);
    expect(verdict(foreignAuthority.certificate, certificate, "sslserver")).not.toBe(0);
  }
  expect(verdict(authority.certificate, authority.certificate, "any")).toBe(0);
  expect(verdict(loopback.authority, loopback.certificate, "sslserver")).toBe(0);
  expect(verdict(loopback.authority, loopback.certificate, "sslclient")).not.toBe(0);
});

type Outcome = "linked" | "refused";

/** What comes of dialling a TLS server: linked only when a byte of the server, which has accepted us, arrives. */
async function dial(server: Credentials, mutual: boolean, client: ConnectionOptions): Promise<Outcome> {
  const listener = createServer({
    cert: server.certificate,
    key: server.privateKey,
    ca: server.authority,
    requestCert: mutual,
    rejectUnauthorized: mutual,
  });
  listener.on("secureConnection", (socket) => socket.on("error", () => {}).end("!"));
  listener.on("tlsClientError", () => {}); // what a refusal looks like from the server
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  try {
    return await new Promise<Outcome>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, ...client });
      socket.on("data", () => resolve("linked"));
      socket.on("error", () => resolve("refused"));
      socket.on("close", () => resolve("refused"));
    });
  } finally {
    listener.close();
  }
}

/** As a router links: both sides under the authority, names not compared. */
const asRouter = ({ certificate, privateKey, authority: ca }: Credentials): ConnectionOptions => {
  return { cert: certificate, key: privateKey, ca, checkServerIdentity: () => undefined };
};
const hub = issueLinkCredentials(authority);

test("two hosts and a relay of one mesh link, each with credentials of its own", async () => {
  const elsewhere = meshAuthority(deriveKeys(new Uint8Array(32).fill(1)));
  expect(await dial(hub, true, asRouter(issueLinkCredentials(elsewhere)))).toBe("linked");
  expect(await dial(hub, true, asRouter(issueRelayCredentials(authority, now)))).toBe("linked");
  expect(await dial(issueRelayCredentials(authority, now), true, asRouter(hub))).toBe("linked");
});

test("a host of another mesh, one without a certificate and a self-signed one are refused by the hub", async () => {
  const foreign = issueLinkCredentials(foreignAuthority);
  expect(await dial(hub, true, asRouter({ ...foreign, authority: authority.certificate }))).toBe("refused");
  expect(await dial(hub, true, { ca: authority.certificate, checkServerIdentity: () => undefined })).toBe("refused");
  const selfSigned = issueLoopbackCredentials();
  expect(await dial(hub, true, asRouter({ ...selfSigned, authority: authority.certificate }))).toBe("refused");
});

test("a false hub, of another mesh or self-signed, is refused by the host that dials it", async () => {
  const falseHub = { ...issueLinkCredentials(foreignAuthority), authority: authority.certificate };
  const spoke = asRouter(issueLinkCredentials(authority));
  expect(await dial(falseHub, true, spoke)).toBe("refused");
  expect(await dial(issueLoopbackCredentials(), false, spoke)).toBe("refused");
});

test("a relay cannot issue certificates: the chain that ends in its own is refused", async () => {
  const relay = issueRelayCredentials(authority, now);
  const spki = new X509Certificate(relay.certificate).publicKey.export({ type: "spki", format: "der" });
  const impostor = {
    certificate: relay.certificate,
    name: AsnConvert.parse(fromPem(relay.certificate), asn1.Certificate).tbsCertificate.subject,
    keyIdentifier: createHash("sha256").update(spki).digest().subarray(0, 20),
    sign: (message: Uint8Array) => sign("sha256", message, relay.privateKey),
  };
  const issued = issueLinkCredentials(impostor);
  expect(credentialState(issued, now)).toBe("foreign");
  const chain = { ...issued, certificate: issued.certificate + relay.certificate, authority: authority.certificate };
  expect(await dial(hub, true, asRouter(chain))).toBe("refused");
});

test("the loopback certificate is accepted for 127.0.0.1 by the client that pins it, and by no other", async () => {
  const loopback = issueLoopbackCredentials();
  expect(await dial(loopback, false, { ca: loopback.certificate })).toBe("linked");
  expect(await dial(loopback, false, {})).toBe("refused");
  expect(await dial(loopback, false, { ca: issueLoopbackCredentials().certificate })).toBe("refused");
  expect(await dial(loopback, false, { ca: authority.certificate })).toBe("refused");
  expect(await dial(hub, false, { ca: loopback.certificate })).toBe("refused");
});

test("a WebSocket that pins the loopback certificate opens, and one that does not is refused", async () => {
  const loopback = issueLoopbackCredentials();
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: loopback.certificate, key: loopback.privateKey },
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: { message() {} },
  });
  const opens = (tls: Bun.TLSOptions) =>
    new Promise<boolean>((resolve) => {
      // Bun's second argument, which the DOM's types in force here do not know.
      const socket: WebSocket = Reflect.construct(WebSocket, [`wss://127.0.0.1:${server.port}`, { tls }]);
      socket.onopen = () => resolve(true);
      socket.onclose = () => resolve(false);
    });
  expect(await opens({ ca: loopback.certificate })).toBeTrue();
  expect(await opens({})).toBeFalse();
});
