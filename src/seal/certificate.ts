import { createPrivateKey, X509Certificate } from "node:crypto";

/** What one side of a TLS connection needs, as PEM texts. */
export interface Credentials {
  /** The certificate of this side. */
  certificate: string;
  /** Its private key, PKCS#8. A secret. */
  privateKey: string;
  /** The certificate that the other side's must be issued under. */
  authority: string;
}

/** How stored credentials stand at an instant; all but `valid` call for new ones. */
export type CredentialState =
  | "valid"
  /** Of a relay, or by a clock that is wrong: a host's hold always. */
  | "notYetValid"
  | "expired"
  /** Of another mesh, or from before a key rotation. */
  | "foreign"
  /** No certificate, or one that the private key does not belong to. */
  | "damaged";

/** The name of a mesh's authority, which every certificate under it shows to whoever dials. */
export function authorityName(meshId: string): string {
  return `kioku-mesh ${meshId}`;
}

/** Whether a host's stored link or relay credentials serve at an instant. */
export function credentialState({ certificate, privateKey, authority }: Credentials, now: Date): CredentialState {
  const own = readCertificate(certificate);
  const issuer = readCertificate(authority);
  if (!own || !issuer || !isKeyOf(own, privateKey)) return "damaged";
  if (!own.checkIssued(issuer) || !own.verify(issuer.publicKey)) return "foreign";
  if (now < own.validFromDate) return "notYetValid";
  return now < own.validToDate ? "valid" : "expired";
}

/** Until when a certificate is valid, undefined where the text is none. */
export function certificateExpiry(certificate: string): Date | undefined {
  return readCertificate(certificate)?.validToDate;
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined; // a damaged file is an expected outcome, told by the return value
  }
}

function isKeyOf(certificate: X509Certificate, privateKey: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false; // as above
  }
}

/** The PEM text of DER bytes. */
export function toPem(label: "CERTIFICATE" | "PRIVATE KEY", der: Uint8Array): string {
  const lines = der.toBase64().replace(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** The DER bytes of the first block in a PEM text. Throws a SyntaxError where there is none. */
export function fromPem(pem: string): Uint8Array {
  const block = /-----BEGIN ([A-Z ]+)-----([\sA-Za-z0-9+/=]+)-----END \1-----/.exec(pem);
  if (!block) throw new SyntaxError("no PEM block");
  return Uint8Array.fromBase64(block[2]!);
}
