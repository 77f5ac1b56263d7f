import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseObject } from "../core/json.ts";
import { writePrivateFile } from "../host/files.ts";
import { isAlive } from "./private-files.ts";

/** A router that runs now and is ready, as other processes of this user find it. */
export interface RunningRouter {
  pid: number;
  /** Its Zenoh id: new at each start. */
  id: string;
  /** Of its WebSocket on 127.0.0.1. */
  port: number;
  /** PEM of the one certificate that its WebSocket may show; without it the WebSocket is plain. */
  authority?: string;
  version: string;
  /** Since when it is ready, ISO 8601. */
  since: string;
}

/** The file by which it is found, in the state directory's `mesh/`. The port in it is no secret, but nobody else's. */
export function runningPath(directory: string): string {
  return join(directory, "router.json");
}

export function writeRunning(directory: string, router: RunningRouter): void {
  writePrivateFile(runningPath(directory), `${JSON.stringify(router, null, 2)}\n`);
}

export function removeRunning(directory: string): void {
  rmSync(runningPath(directory), { force: true });
}

/** The router that runs now; undefined where none does, also where one died without a trace. */
export function readRunning(directory: string): RunningRouter | undefined {
  const value = parseObject(read(runningPath(directory)) ?? "");
  if (typeof value?.pid !== "number" || typeof value.id !== "string" || typeof value.port !== "number")
    return undefined;
  if (typeof value.version !== "string" || typeof value.since !== "string" || !isAlive(value.pid)) return undefined;
  const { pid, id, port, version, since, authority } = value;
  return { pid, id, port, version, since, ...(typeof authority === "string" && { authority }) };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
