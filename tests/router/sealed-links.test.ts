import { afterEach, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { linkCredentialPaths, writeCredentials } from "../../src/router/certificates.ts";
import { ephemeralConfig, type JsonObject, parseRouterFile, routerFileText } from "../../src/router/config.ts";
import type { RouterPlan } from "../../src/router/supervise.ts";
import { issueLinkCredentials, issueRelayCredentials, meshAuthority } from "../../src/seal/authority.ts";
import { type Credentials } from "../../src/seal/certificate.ts";
import { deriveKeys, type MeshKeys } from "../../src/seal/keys.ts";
import { recordSpace } from "../../src/seal/name.ts";
import { testWith } from "../needs.ts";
import { cleanUp, eventually, freePort, supervise, type Supervised, temporaryDirectory } from "./supervised.ts";
import { getAll, openSession } from "./zenoh-probe.ts";

const routerTest = testWith("a router");
const mesh = deriveKeys(new Uint8Array(32).fill(1));
const otherMesh = deriveKeys(new Uint8Array(32).fill(2));

afterEach(cleanUp);

/** A router of a sealed mesh, as `init` and `mesh run` set it up. */
function sealedRouter(keys: MeshKeys, listen: string[], connect: string[], credentials?: Credentials): Supervised {
  const state = temporaryDirectory();
  const paths = linkCredentialPaths(join(state, "mesh"));
  writeCredentials(paths, credentials ?? issueLinkCredentials(meshAuthority(keys)));
  const text = routerFileText({ mode: "hub", listen, connect, certificates: paths, command: "test" });
  const file = parseRouterFile(text, "zenohd.json5");
  return supervise(() => ({ file, meshId: keys.meshId }), { state });
}

async function session(supervised: Supervised) {
  return openSession((await supervised.next("ready")).router.port);
}

describe("a sealed mesh links its own routers", () => {
  routerTest("and a record that is put at one is stored at the others, a relay among them", async () => {
    const port = await freePort();
    const hub = sealedRouter(mesh, [`tls/127.0.0.1:${port}`], []);
    const spoke = sealedRouter(mesh, [], [`tls/127.0.0.1:${port}`]);
    const relayCredentials = issueRelayCredentials(meshAuthority(mesh), new Date());
    const relay = sealedRouter(mesh, [], [`tls/127.0.0.1:${port}`], relayCredentials);
    const sessions = [await session(hub), await session(spoke), await session(relay)];
    for (const one of sessions)
      await eventually("all are linked", async () => (await getAll(one, "@/*/router")).size === 3 || undefined);
    const name = `${recordSpace(mesh.meshId)}/00ff`;
    await sessions[1]!.put(name, "sealed");
    for (const one of sessions)
      await eventually("it is there", async () => (await getAll(one, name)).get(name) === "sealed" || undefined);
    const dump = Bun.spawnSync(["ls", hub.state]).stdout.toString();
    expect(dump).toContain(`kioku_${mesh.meshId}`);
    for (const one of sessions) await one.close();
  });
});

describe("a sealed mesh does not link", () => {
  /** Waits until the router has met an obstacle to linking, and shows that the hub knows nobody but itself. */
  async function expectAlone(hub: Supervised, stranger: Supervised, complaint: RegExp) {
    const hubSession = await session(hub);
    await stranger.next("ready");
    await eventually(`a refusal in the logs`, () => {
      const logs = [hub, stranger].map(({ mesh: folder }) => readFileSync(join(folder, "zenohd.log"), "utf8"));
      return complaint.test(logs.join("\n")) || undefined;
    });
    expect((await getAll(hubSession, "@/*/router")).size).toBe(1);
    await hubSession.close();
  }
  function strange(plan: RouterPlan) {
    return supervise(() => plan, { state: temporaryDirectory() });
  }

  routerTest("a router with a certificate of another mesh", async () => {
    const port = await freePort();
    const hub = sealedRouter(mesh, [`tls/127.0.0.1:${port}`], []);
    await expectAlone(hub, sealedRouter(otherMesh, [], [`tls/127.0.0.1:${port}`]), /UnknownIssuer|UnknownCA/);
  });

  routerTest("a router that trusts the mesh but has no certificate of it", async () => {
    const port = await freePort();
    const hub = sealedRouter(mesh, [`tls/127.0.0.1:${port}`], []);
    const paths = linkCredentialPaths(temporaryDirectory());
    writeCredentials(paths, issueLinkCredentials(meshAuthority(mesh)));
    const tls = { root_ca_certificate: paths.authority, verify_name_on_connect: false };
    const file: JsonObject = { ...ephemeralConfig([], [`tls/127.0.0.1:${port}`]), transport: { link: { tls } } };
    await expectAlone(hub, strange({ file }), /CertificateRequired|NoCertificatesPresented|peer sent no certificates/);
  });

  routerTest("a router on plain TCP", async () => {
    const port = await freePort();
    const hub = sealedRouter(mesh, [`tls/127.0.0.1:${port}`], []);
    const file = ephemeralConfig([], [`tcp/127.0.0.1:${port}`]);
    await expectAlone(hub, strange({ file }), /InvalidMessage|corrupt message/);
  });

  routerTest("a false hub, which has its own certificate", async () => {
    const port = await freePort();
    const falseHub = sealedRouter(otherMesh, [`tls/127.0.0.1:${port}`], []);
    const spoke = sealedRouter(mesh, [], [`tls/127.0.0.1:${port}`]);
    await expectAlone(falseHub, spoke, /UnknownIssuer|UnknownCA/);
  });
});
