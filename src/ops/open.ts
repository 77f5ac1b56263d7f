import { timestamp } from "../core/time.ts";
import { openGlance, type Glance } from "../store/glance.ts";
import { openStore, type Store } from "../store/store.ts";
import type { Agents } from "./agents.ts";
import type { Context, Draft, Paths, Settings, Who } from "./context.ts";
import type { MeshControl } from "./mesh-control.ts";

/** How a command speaks with whoever called it. */
export type Voices = Pick<Context, "note" | "say" | "print" | "progress" | "input" | "ask" | "confirm" | "event">;

/** The machine as an operation sees it. Each part is looked up when first asked. */
export interface Host {
  paths(): Paths;
  settings(): Settings & { rebuild: boolean };
  who(): Who;
  projectHere(directory?: string): string;
  idleVariables(): readonly string[];
  makeDirectory(path: string): void;
  writeFile(path: string, text: string): void;
  draftFile(path: string): Draft;
  agents(): Promise<Agents>;
}

/** This program and its sources of time and chance. */
export interface Build extends Pick<Context, "version" | "binary" | "now" | "newId" | "self" | "startThread"> {
  host: Host;
  /** What a host can do about its mesh; loads the network's libraries. */
  mesh?(ctx: Context): Promise<MeshControl>;
}

/** How a command uses the database. */
export interface Use {
  /** Makes the search tables anew first. */
  rebuild: boolean;
  /** Reads, and ends: see `Opening` of the store. */
  brief: boolean;
}

/** A context whose database opens at its first use. */
export function openContext(build: Build, options: Use & Voices) {
  const { host, mesh, ...program } = build;
  const { rebuild, brief, ...voices } = options;
  let store: Store | undefined;
  let glance: Glance | undefined;

  function open(): Store {
    const settings = host.settings();
    for (const line of host.idleVariables()) voices.note?.(`warning: ${line}`);
    host.makeDirectory(host.paths().stateDirectory);
    const opened = openStore(host.paths().database, () => timestamp(program.now()), { brief });
    if (rebuild || settings.rebuild) opened.rebuild();
    return opened;
  }

  const context: Context = {
    ...program,
    ...voices,
    get paths() {
      return host.paths();
    },
    store: () => (store ??= open()),
    glance: () => (glance ??= openGlance(host.paths().database)),
    who: host.who,
    settings: host.settings,
    projectHere: host.projectHere,
    idleVariables: host.idleVariables,
    writeFile: host.writeFile,
    draftFile: host.draftFile,
    agents: host.agents,
    ...(mesh && { mesh: () => mesh(context) }),
  };
  return {
    context,
    close(): void {
      store?.close();
      glance?.close();
    },
  };
}
