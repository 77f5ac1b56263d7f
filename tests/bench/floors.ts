import { Database } from "bun:sqlite";
import { rmSync } from "node:fs";
import { join } from "node:path";

/** Milliseconds for a byte to go to another socket of this machine and back, so many times. */
export async function roundTripTime(turns: number): Promise<number[]> {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket, data) => void socket.write(data) },
  });
  let arrived = () => {};
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: { data: () => arrived() },
  });
  const times: number[] = [];
  for (let i = 0; i < turns; i++) {
    const start = performance.now();
    await new Promise<void>((resolve) => {
      arrived = resolve;
      socket.write("x");
    });
    times.push(performance.now() - start);
  }
  socket.end();
  server.stop(true);
  return times;
}

/** Milliseconds that SQLite takes to insert a row of a memory's size durably, so many times, in a directory's file system. */
export function commitTime(directory: string, turns: number): number[] {
  const path = join(directory, "floor.db");
  const db = new Database(path);
  db.run("pragma journal_mode = wal");
  db.run("pragma synchronous = full");
  db.run("create table one (text)");
  const insert = db.query("insert into one values (?)");
  const times = Array.from({ length: turns }, () => {
    const start = performance.now();
    insert.run("x".repeat(1_000));
    return performance.now() - start;
  });
  db.close();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
  return times;
}
