import type { Operation } from "./operation.ts";

/**
 * Every operation by its command, in the order help and tools/list show them. A command loads the one it runs: to make
 * the schemas of all of them takes 10 ms of a start.
 */
export const catalogue: { readonly [command: string]: () => Promise<Operation> } = {
  save: async () => (await import("./save.ts")).save,
  search: async () => (await import("./search.ts")).search,
  "recall-context": async () => (await import("./recall-context.ts")).recallContext,
  "get-memory": async () => (await import("./get-memory.ts")).getMemory,
  delete: async () => (await import("./delete.ts")).deleteOperation,
  export: async () => (await import("./export.ts")).exportOperation,
  import: async () => (await import("./import.ts")).importOperation,
  gc: async () => (await import("./gc.ts")).gc,
  init: async () => (await import("./init.ts")).init,
  status: async () => (await import("./status.ts")).status,
  drain: async () => (await import("./drain.ts")).drain,
  doctor: async () => (await import("./doctor.ts")).doctor,
  "mcp install": async () => (await import("./mcp-install.ts")).mcpInstall,
  "mcp uninstall": async () => (await import("./mcp-uninstall.ts")).mcpUninstall,
  "mesh run": async () => (await import("./mesh.ts")).meshRun,
  "mesh start": async () => (await import("./mesh.ts")).meshStart,
  "mesh join": async () => (await import("./mesh.ts")).meshJoin,
  "mesh invite": async () => (await import("./mesh.ts")).meshInvite,
  "mesh peers": async () => (await import("./mesh.ts")).meshPeers,
  "mesh leave": async () => (await import("./mesh.ts")).meshLeave,
  "mesh rotate-key": async () => (await import("./mesh.ts")).meshRotateKey,
  "zenohd install": async () => (await import("./zenohd.ts")).zenohdInstall,
  "zenohd path": async () => (await import("./zenohd.ts")).zenohdPath,
  "zenohd version": async () => (await import("./zenohd.ts")).zenohdVersion,
  "zenohd verify": async () => (await import("./zenohd.ts")).zenohdVerify,
  completion: async () => (await import("./completion.ts")).completion,
  "hook session-start": async () => (await import("./hook-session-start.ts")).hookSessionStart,
};

/** All of them, for help and documentation. */
export function loadOperations(): Promise<Operation[]> {
  return Promise.all(Object.values(catalogue).map((load) => load()));
}

/** The commands that are tools too: an agent's server loads no other. */
const tools = ["save", "search", "recall-context", "get-memory", "delete", "status", "drain"];

/** The operations that agents see. */
export function loadTools(): Promise<Operation[]> {
  return Promise.all(tools.map((command) => catalogue[command]!()));
}
