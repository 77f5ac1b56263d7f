import { expect } from "bun:test";
import { join } from "node:path";
import { testWith } from "../needs.ts";

async function smoke(env: { [name: string]: string | undefined } = process.env) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "smoke.ts")], { env, stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
  return { out: out!, err: err!, status: await child.exited };
}

testWith("a router")(
  "five peers on ports of this machine: bun run smoke:mesh",
  async () => {
    const { out, err, status } = await smoke();
    expect({ err, status, last: out.trimEnd().split("\n").at(-1) }).toEqual({
      err: "",
      status: 0,
      last: "the mesh works",
    });
  },
  120_000,
);

testWith("a router")("bun run smoke:mesh says what is wrong, and fails", async () => {
  const { err, status } = await smoke({ ...process.env, KIOKU_BIN: "/nowhere/kioku-mesh" });
  expect({ err: err.split(":")[0], status }).toEqual({ err: "FAILED", status: 1 });
});
