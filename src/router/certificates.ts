import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writePrivateFile } from "../host/files.ts";
import type { Credentials } from "../seal/certificate.ts";

/** Where the PEM texts of one side of a TLS connection lie. They need not be there yet. */
export type CredentialPaths = Credentials;

/** With these a router shows other routers that it belongs to the mesh. `directory` is the state directory's `mesh/`. */
export function linkCredentialPaths(directory: string): CredentialPaths {
  return pathsOf(directory, "link");
}

/** With these its WebSocket proves to our own processes that it is ours. */
export function webSocketCredentialPaths(directory: string): CredentialPaths {
  return pathsOf(directory, "websocket");
}

/** Writes PEM texts for their owner's eyes only. */
export function writeCredentials(paths: CredentialPaths, credentials: Credentials): void {
  writePrivateFile(paths.authority, credentials.authority);
  writePrivateFile(paths.privateKey, credentials.privateKey);
  writePrivateFile(paths.certificate, credentials.certificate);
}

/** What `writeCredentials` wrote, undefined where a file is missing. */
export function readCredentials({ certificate, privateKey, authority }: CredentialPaths): Credentials | undefined {
  if (![certificate, privateKey, authority].every((path) => existsSync(path))) return undefined;
  return {
    certificate: readFileSync(certificate, "utf8"),
    privateKey: readFileSync(privateKey, "utf8"),
    authority: readFileSync(authority, "utf8"),
  };
}

function pathsOf(directory: string, use: string): CredentialPaths {
  return {
    certificate: join(directory, "tls", `${use}.crt`),
    privateKey: join(directory, "tls", `${use}.key`),
    authority: join(directory, "tls", `${use}-authority.crt`),
  };
}
