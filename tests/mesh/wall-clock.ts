import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "./hosts.ts";

const file = "kioku-clock";

/** Clocks of hosts that can be set while their processes run. Builds their library in a folder; needs a C compiler. */
export function wallClocks(folder: string) {
  const library = join(folder, "wall-clock.so");
  const source = join(import.meta.dir, "wall-clock.c");
  const { exitCode, stderr } = Bun.spawnSync(["cc", "-shared", "-fPIC", "-O1", "-o", library, source]);
  if (exitCode !== 0) throw new Error(String(stderr));

  return {
    /** One that is right as yet. */
    right: (): Clock => ({ library, file, content: seconds(0) }),
    /** Sets the clock of a host in a network's folder so many seconds off. */
    set(network: { folder: string }, host: { name: string }, offset: number): void {
      const at = openSync(join(network.folder, `${host.name}.etc`, file), "r+");
      writeSync(at, seconds(offset), 0, 8, 0);
      closeSync(at);
    },
  };
}

function seconds(offset: number): Uint8Array {
  return new Uint8Array(new BigInt64Array([BigInt(offset)]).buffer);
}
