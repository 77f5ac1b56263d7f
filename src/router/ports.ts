import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { type Endpoint, endpointText } from "./endpoint.ts";

/** An endpoint that cannot be listened on because a process holds its port. */
export interface PortConflict {
  endpoint: string;
  /** The process, as far as this user may see it: `nginx (pid 12)`, or `another process`. */
  holder: string;
}

/** A free port of 127.0.0.1, at random and below the range from which systems give ports to outgoing connections. */
export async function freeLoopbackPort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(20_000, 32_768);
    if ((await tryListen("127.0.0.1", port)) === undefined) return port;
  }
  throw new Error("no free port on 127.0.0.1");
}

/** Which of these endpoints are held by another process, and by which. An address that is not here now is no conflict. */
export async function portConflicts(endpoints: readonly Endpoint[]): Promise<PortConflict[]> {
  const conflicts: PortConflict[] = [];
  for (const endpoint of endpoints) {
    if (endpoint.protocol === "udp") continue;
    const problem = await tryListen(endpoint.host, endpoint.port);
    if (problem === "EADDRINUSE")
      conflicts.push({ endpoint: endpointText(endpoint), holder: portHolder(endpoint.port) });
  }
  return conflicts;
}

/** Who listens on a TCP port. Asks `/proc`, `lsof` or `netstat`; other users' processes may be hidden from us. */
export function portHolder(port: number): string {
  const pid = process.platform === "linux" ? listenerOnLinux(port) : listenerElsewhere(port);
  if (pid === undefined) return "another process";
  const command = commandLine(pid);
  return command ? `${command.slice(0, 120)} (pid ${pid})` : `pid ${pid}`;
}

/** The command line of a process, empty where it is gone or not ours to see. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === "linux") return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    const ask =
      process.platform === "win32"
        ? ["tasklist", "/FI", `PID eq ${pid}`, "/FO", "CSV", "/NH"]
        : ["ps", "-o", "args=", "-p", String(pid)];
    const text = run(ask);
    return process.platform === "win32" ? (/^"([^"]+)"/.exec(text)?.[1] ?? "") : text.trim();
  } catch {
    return ""; // it ended meanwhile, or belongs to another user: the caller says what it can without
  }
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "EUNKNOWN"));
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  return promise;
}

function listenerOnLinux(port: number): number | undefined {
  const inodes = new Set(["tcp", "tcp6"].flatMap((table) => listeningInodes(table, port)));
  const pids = inodes.size === 0 ? [] : readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        return inode !== undefined && inodes.has(inode);
      });
    } catch {
      return false; // another user's process, or one that just ended
    }
  });
}

/** Rows of /proc/net/tcp: local address (hex, `ADDRESS:PORT`) second, state fourth (0A is listening), inode tenth. */
function listeningInodes(table: string, port: number): string[] {
  try {
    const rows = readFileSync(`/proc/net/${table}`, "utf8").trim().split("\n").slice(1);
    const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    return rows
      .map((row) => row.trim().split(/\s+/))
      .filter((columns) => columns[1]?.endsWith(suffix) && columns[3] === "0A")
      .map((columns) => columns[9]!);
  } catch {
    return []; // no IPv6, or a /proc without network tables
  }
}

function listenerElsewhere(port: number): number | undefined {
  const pid =
    process.platform === "win32"
      ? new RegExp(`TCP\\s+\\S+:${port}\\s+\\S+\\s+LISTENING\\s+(\\d+)`).exec(
          run(["netstat", "-ano", "-p", "TCP"]),
        )?.[1]
      : /^p(\d+)$/m.exec(run(["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fp"]))?.[1];
  return pid === undefined ? undefined : Number(pid);
}

function run(command: string[]): string {
  try {
    return Bun.spawnSync(command, { stdin: "ignore", stderr: "ignore", timeout: 5_000 }).stdout.toString();
  } catch {
    return ""; // the program is not on this machine
  }
}
