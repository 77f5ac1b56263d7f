import { dlopen, FFIType, ptr } from "bun:ffi";
import { readFileSync, writeSync } from "node:fs";

export interface Capture {
  /** Ends it, and gives the bytes of all frames. */
  stop(): Promise<Buffer>;
}

/** Records every frame on a network device, both ways; `prefix` is the command that leads to its namespace. */
export async function startCapture(prefix: readonly string[], device: string): Promise<Capture> {
  const child = Bun.spawn([...prefix, process.execPath, import.meta.path, device], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Uint8Array[] = [];
  const ready = Promise.withResolvers<void>();
  const read = (async () => {
    for await (const chunk of child.stdout) {
      chunks.push(chunk);
      ready.resolve(); // its first word says that it listens
    }
    ready.reject(new Error(`nothing can be captured on ${device}`));
  })();
  await ready.promise;
  return {
    async stop() {
      child.kill();
      await read;
      return Buffer.concat(chunks);
    },
  };
}

const packetFamily = 17; // AF_PACKET
const rawSocket = 3; // SOCK_RAW
const everyProtocol = 0x0300; // ETH_P_ALL, in network order

/** Writes each frame to standard output. Linux, and root. */
function record(device: string): never {
  const { i32: int, ptr: pointer, u64, i64 } = FFIType;
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: [int, int, int], returns: int },
    bind: { args: [int, pointer, int], returns: int },
    recv: { args: [int, pointer, u64, int], returns: i64 },
  });
  const socket = libc.socket(packetFamily, rawSocket, everyProtocol);
  const address = Buffer.alloc(20); // struct sockaddr_ll
  address.writeUInt16LE(packetFamily, 0);
  address.writeUInt16LE(everyProtocol, 2);
  address.writeInt32LE(Number(readFileSync(`/sys/class/net/${device}/ifindex`, "utf8")), 4);
  if (socket < 0 || libc.bind(socket, ptr(address), address.length) !== 0) throw new Error("no packet socket");
  writeSync(1, "listening");
  const frame = Buffer.alloc(65_536);
  for (;;) {
    const length = Number(libc.recv(socket, ptr(frame), BigInt(frame.length), 0));
    for (let at = 0; at < length;) at += writeSync(1, frame, at, length - at);
  }
}

if (import.meta.main) record(process.argv[2]!);
