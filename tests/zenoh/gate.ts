import { connect, createServer, type Socket } from "node:net";

export interface Gate {
  port: number;
  /** Lets connections through, or cuts them all and refuses new ones. */
  set(open: boolean): void;
  close(): void;
}

/** A port of this machine that leads to another, until it is shut: a cable that can be pulled. */
export async function openGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
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
    close() {
      server.close();
      cut();
    },
  };
}
