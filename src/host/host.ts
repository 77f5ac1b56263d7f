import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { agentFamily, clientId, hostId, sessionId } from "./identity.ts";
import { pathsOf, type Env } from "./paths.ts";
import { projectOf } from "./project.ts";
import { readSettings } from "./settings.ts";

/** This machine, read once when first asked: files are only touched by what needs them. */
export function openHost(env: Env, platform: string, directory: () => string, now: () => Date) {
  const paths = pathsOf(env, platform);
  const session = once(() => sessionId(env, now()));
  return {
    paths,
    settings: once(() => readSettings(env, paths.config, directory())),
    projectHere: once(() => projectOf(directory())),
    who: once(() => {
      const [family, client] = [agentFamily(env), clientId(env)];
      makePrivateDirectory(paths.stateDirectory);
      return {
        agent_family: family.value,
        client_id: client.value,
        pc_id: hostId(paths.stateDirectory),
        session_id: session(),
        sources: { agent_family: family.source, client_id: client.source },
      };
    }),
  };
}

/** Makes a directory that only its owner can enter. An existing one is left as it is; `doctor` looks at it. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UserError("unavailable", `the directory cannot be made: ${path}`, {
      hint: "check HOME and its permissions, or set KIOKU_MESH_STATE_DIR",
      cause,
    });
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
