import type { Host } from "../mesh/hosts.ts";
export async function originalMeshFigures(
  _v: string,
  _n: unknown,
  _h: [Host, Host],
): Promise<{ live: number[]; rebuild: number; memory: number }> {
  throw new Error("not yet");
}
