import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import * as asn1 from "@peculiar/asn1-x509";
import { authorityName, toPem, type Credentials } from "./certificate.ts";
import type { MeshKeys } from "./keys.ts";

// Loading this file takes some milliseconds: import it lazily, where a router is set up.

/** The certificate authority of a mesh: the same on every host, because it follows from the mesh key alone. */
export interface Authority {
  /** Its own certificate: PEM, equal to the byte on every host. */
  certificate: string;
  name: asn1.Name;
  keyIdentifier: Uint8Array;
  /** ECDSA with SHA-256, DER. A function, so that the private key is no field of anything. */
  sign: (message: Uint8Array) => Uint8Array;
}

const day = 86_400_000;

/**
 * A host has the mesh key beside its certificate and can make itself another, so an end would protect from nothing. And it
 * must not depend on the clock: one that was wrong while the certificate was made, as after a start without a battery,
 * would shut the host out once it is put right. Without an end: RFC 5280, 4.1.2.5.
 */
const always = new asn1.Validity({
  notBefore: new Date("2020-01-01T00:00:00Z"),
  notAfter: new Date("9999-12-31T23:59:59Z"),
});

/** Who runs a relay is no part of the mesh: to be invited again after this time, or not. */
const relayLifetime = 2 * 365 * day;

/** How far a relay's validity starts before its making, for hosts whose clock is behind. It costs no security. */
const backdating = 7 * day;

/**
 * Derives the authority: a P-256 key from the mesh's 48-byte seed (FIPS 186-5, A.2.1: reduced modulo the order, with
 * 128 surplus bits), and its self-signed certificate. Both take no random number and no clock: the signature is that of
 * RFC 6979.
 */
export function meshAuthority({ meshId, authority: seed }: Pick<MeshKeys, "meshId" | "authority">): Authority {
  const privateKey = p256.utils.randomSecretKey(seed.export());
  const publicKey = publicKeyInfo(p256.getPublicKey(privateKey, false));
  const issuer = {
    name: nameOf(authorityName(meshId)),
    keyIdentifier: keyIdentifierOf(publicKey),
    sign: (message: Uint8Array) => p256.sign(message, privateKey, { lowS: false, format: "der" }),
  };
  const certificate = certify(issuer, {
    serialNumber: Uint8Array.of(1),
    subject: issuer.name,
    publicKey,
    validity: always,
    extensions: [
      extension(asn1.id_ce_basicConstraints, new asn1.BasicConstraints({ cA: true, pathLenConstraint: 0 }), "critical"),
      extension(asn1.id_ce_keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.keyCertSign), "critical"),
      extension(asn1.id_ce_subjectKeyIdentifier, new asn1.SubjectKeyIdentifier(issuer.keyIdentifier)),
    ],
  });
  return { ...issuer, certificate };
}

/**
 * New credentials for the links of a host that holds the mesh key. The certificate names the mesh but not the host,
 * because a router shows it to whoever dials, before it has seen theirs. Links do not verify names: addresses change.
 */
export function issueLinkCredentials(authority: Authority): Credentials {
  return issueForLinks(authority, "host", always);
}

/**
 * New credentials for a relay: a router that links with the mesh's own, and forwards and keeps what it cannot read. Its
 * common name tells it from a host's, for rules of a router; like a host's it cannot issue others.
 */
export function issueRelayCredentials(authority: Authority, now: Date): Credentials {
  const notBefore = new Date(now.getTime() - backdating);
  const notAfter = new Date(now.getTime() + relayLifetime);
  return issueForLinks(authority, "relay", new asn1.Validity({ notBefore, notAfter }));
}

/**
 * New credentials for the router's WebSocket on 127.0.0.1, made for each start of a router. Self-signed and their own
 * `authority`: our client pins exactly this certificate, it is worth nothing on a link, and an open mesh has it too.
 */
export function issueLoopbackCredentials(): Credentials {
  const { publicKey, privateKey } = newKeyPair();
  const issuer = {
    name: nameOf("kioku-mesh loopback"),
    keyIdentifier: keyIdentifierOf(publicKey),
    sign: (message: Uint8Array) => sign("sha256", message, privateKey),
  };
  const names = [{ iPAddress: "127.0.0.1" }, { dNSName: "localhost" }];
  const certificate = certify(issuer, {
    serialNumber: newSerialNumber(),
    subject: issuer.name,
    publicKey,
    validity: always,
    extensions: endEntityExtensions(issuer, [asn1.id_kp_serverAuth], names),
  });
  return { certificate, privateKey, authority: certificate };
}

function issueForLinks(authority: Authority, role: "host" | "relay", validity: asn1.Validity): Credentials {
  const { publicKey, privateKey } = newKeyPair();
  const usages = [asn1.id_kp_serverAuth, asn1.id_kp_clientAuth];
  const certificate = certify(authority, {
    serialNumber: newSerialNumber(),
    subject: nameOf(`kioku-mesh ${role}`),
    publicKey,
    validity,
    extensions: endEntityExtensions(authority, usages, [{ dNSName: `${role}.kioku-mesh.internal` }]),
  });
  return { certificate, privateKey, authority: authority.certificate };
}

type Issuer = Omit<Authority, "certificate">;
type Certified = Pick<asn1.TBSCertificate, "subject" | "validity"> & {
  serialNumber: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array;
  extensions: asn1.Extension[];
};

/** The PEM of a certificate. */
function certify(issuer: Issuer, { serialNumber, subject, publicKey, validity, extensions }: Certified): string {
  const signatureAlgorithm = new asn1.AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" }); // ecdsa-with-SHA256
  const tbsCertificate = new asn1.TBSCertificate({
    version: asn1.Version.v3,
    serialNumber: bufferOf(serialNumber),
    signature: signatureAlgorithm,
    issuer: issuer.name,
    subject,
    validity,
    subjectPublicKeyInfo: AsnConvert.parse(bufferOf(publicKey), asn1.SubjectPublicKeyInfo),
    extensions: new asn1.Extensions(extensions),
  });
  const signatureValue = bufferOf(issuer.sign(new Uint8Array(AsnConvert.serialize(tbsCertificate))));
  const certificate = new asn1.Certificate({ tbsCertificate, signatureAlgorithm, signatureValue });
  return toPem("CERTIFICATE", new Uint8Array(AsnConvert.serialize(certificate)));
}

function endEntityExtensions(issuer: Issuer, usages: string[], names: Partial<asn1.GeneralName>[]): asn1.Extension[] {
  const alternativeNames = names.map((name) => new asn1.GeneralName(name));
  const keyIdentifier = new asn1.KeyIdentifier(issuer.keyIdentifier);
  return [
    extension(asn1.id_ce_basicConstraints, new asn1.BasicConstraints({ cA: false }), "critical"),
    extension(asn1.id_ce_keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.digitalSignature), "critical"),
    extension(asn1.id_ce_extKeyUsage, new asn1.ExtendedKeyUsage(usages)),
    extension(asn1.id_ce_subjectAltName, new asn1.SubjectAlternativeName(alternativeNames)),
    extension(asn1.id_ce_authorityKeyIdentifier, new asn1.AuthorityKeyIdentifier({ keyIdentifier })),
  ];
}

function extension(extnID: string, value: object, critical?: "critical"): asn1.Extension {
  const extnValue = new OctetString(AsnConvert.serialize(value));
  return new asn1.Extension({ extnID, critical: critical !== undefined, extnValue });
}

function nameOf(commonName: string): asn1.Name {
  const value = new asn1.AttributeValue({ utf8String: commonName });
  const attribute = new asn1.AttributeTypeAndValue({ type: "2.5.4.3", value });
  return new asn1.Name([new asn1.RelativeDistinguishedName([attribute])]);
}

function newKeyPair(): { publicKey: Uint8Array; privateKey: string } {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

/** 16 random bytes, of which the first makes the number positive and not shorter. */
function newSerialNumber(): Uint8Array {
  return Buffer.concat([Uint8Array.of(0x4b), randomBytes(15)]);
}

/** SubjectPublicKeyInfo (RFC 5480) of an uncompressed P-256 point. */
function publicKeyInfo(point: Uint8Array): Uint8Array {
  const ecPublicKeyOnP256 = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
  return Buffer.concat([Buffer.from(ecPublicKeyOnP256, "hex"), point]);
}

/** 20 bytes that name a public key (RFC 7093, 2.4). */
function keyIdentifierOf(publicKey: Uint8Array): Uint8Array {
  return createHash("sha256").update(publicKey).digest().subarray(0, 20);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
