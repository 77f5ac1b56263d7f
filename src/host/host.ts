import { draftPrivateFile, makePrivateDirectory, writePrivateFile } from "./files.ts";
import { agentFamily, clientId, hostId, sessionId } from "./identity.ts";
import { pathsOf } from "./paths.ts";
import { projectOf } from "./project.ts";
import { readSettings } from "./settings.ts";
import { idleVariables, type Env } from "./variables.ts";

/** What the operating system tells of itself and of this process. */
export interface System {
  env: Env;
  platform: string;
  /** The home directory where the environment names none. */
  homeDirectory(): string;
  workingDirectory(): string;
  now(): Date;
}

/** This machine, each part read once, when first asked: files are only touched by what needs them. */
export function openHost(system: System) {
  const { env, platform, homeDirectory, workingDirectory, now } = system;
  const paths = once(() => pathsOf(env, platform, homeDirectory));
  const directory = once(() => existing(workingDirectory));
  const here = once(() => projectOf(directory()));
  return {
    paths,
    settings: once(() => readSettings(env, paths().config, directory)),
    projectHere: (other?: string) => (other === undefined ? here() : projectOf(other)),
    idleVariables: once(() => idleVariables(env)),
    makeDirectory: makePrivateDirectory,
    writeFile: writePrivateFile,
    draftFile: draftPrivateFile,
    agents: async () => (await import("./agents/agents.ts")).openAgents(system),
    who: once(() => {
      const [family, client] = [agentFamily(env), clientId(env)];
      return {
        agent_family: family.value,
        client_id: client.value,
        pc_id: hostId(paths().stateDirectory),
        session_id: sessionId(env, now()),
        sources: { agent_family: family, client_id: client },
      };
    }),
  };
}

/** A working directory that someone has removed is no place; what is asked of it is asked of the root. */
function existing(workingDirectory: () => string): string {
  try {
    return workingDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "/";
    throw error;
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
