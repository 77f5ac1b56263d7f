import { connect, createServer, type Socket } from "node:net";

export interface Gate {
  port: number;
  /** Lets connections through, or cuts them all and refuses new ones. */
  set(open: boolean): void;
  /** Takes nothing more from who connected, who notices nothing of it but that his buffers fill. */
  stall(): void;
  close(): void;
}

/** A port of this machine that leads to another, until it is shut: a cable that can be pulled. */
export async function openGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  const entrances = new Set<Socket>();
  let isOpen = true;

  const server = createServer((near) => {
    if (!isOpen) return void near.destroy();
    const far = connect(target, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()); // a cut cable, at both ends
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    entrances.add(near);
    near.on("close", () => entrances.delete(near));
    near.pipe(far);
    far.pipe(near);
  });

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    set(open) {
      isOpen = open;
      if (!open) cut();
    },
    stall() {
      for (const near of entrances) near.unpipe().pause();
    },
    close() {
      server.close();
      cut();
    },
  };
}
