import { completion } from "./completion.ts";
import { deleteOperation } from "./delete.ts";
import { doctor } from "./doctor.ts";
import { drain } from "./drain.ts";
import { gc } from "./gc.ts";
import { getMemory } from "./get-memory.ts";
import { hookSessionStart } from "./hook-session-start.ts";
import { init } from "./init.ts";
import { mcpInstall } from "./mcp-install.ts";
import { mcpUninstall } from "./mcp-uninstall.ts";
import { meshInvite, meshJoin, meshLeave, meshPeers, meshRotateKey, meshRun, meshStart } from "./mesh.ts";
import { recallContext } from "./recall-context.ts";
import { save } from "./save.ts";
import { search } from "./search.ts";
import { status } from "./status.ts";
import { zenohdInstall, zenohdPath, zenohdVerify, zenohdVersion } from "./zenohd.ts";

/** Every operation, in the order help and tools/list show them. */
export const operations = [
  save,
  search,
  recallContext,
  getMemory,
  deleteOperation,
  gc,
  init,
  status,
  drain,
  doctor,
  mcpInstall,
  mcpUninstall,
  meshRun,
  meshStart,
  meshJoin,
  meshInvite,
  meshPeers,
  meshLeave,
  meshRotateKey,
  zenohdInstall,
  zenohdPath,
  zenohdVersion,
  zenohdVerify,
  completion,
  hookSessionStart,
];
