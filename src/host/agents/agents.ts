import type { ServerEntry } from "../../core/agent.ts";
import type { System } from "../host.ts";
import type { Env } from "../variables.ts";
import { claudeCode } from "./claude-code.ts";
import { codexCli } from "./codex-cli.ts";
import { programOnPath, serverOnPath, shellQuoted } from "./programs.ts";
import { proveServer } from "./proof.ts";

/** What an agent's part of this machine is read from. */
export interface AgentSystem {
  env: Env;
  home: string;
  workingDirectory(): string;
  now(): Date;
}

/** The agents of this machine that can start our server, and the server that they are to start. */
export function openAgents({ env, homeDirectory, workingDirectory, now }: System) {
  const system = { env, home: env.HOME || env.USERPROFILE || homeDirectory(), workingDirectory, now };
  return {
    all: [claudeCode(system), codexCli(system)],
    server: () => serverOnPath(env),
    /** The command line for an agent's session-start hook; undefined where our program is not on PATH. */
    hookCommand(): string | undefined {
      const program = programOnPath("kioku-mesh", env);
      return program && `${shellQuoted(program)} hook session-start`;
    },
    prove: (entry: ServerEntry) => proveServer(entry, env),
  };
}
