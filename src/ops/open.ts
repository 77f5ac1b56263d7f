import { UserError } from "../core/errors.ts";
import { timestamp } from "../core/time.ts";
import { openStore, type Store } from "../store/store.ts";
import type { Agents } from "./agents.ts";
import type { Context, Paths, Settings, Who } from "./context.ts";

/** The machine as an operation sees it. Each part is looked up when first asked. */
export interface Host {
  paths(): Paths;
  settings(): Settings & { rebuild: boolean };
  who(): Who;
  projectHere(): string;
  idleVariables(): readonly string[];
  makeDirectory(path: string): void;
  writeFile(path: string, text: string): void;
  agents(): Promise<Agents>;
}

/** This program and its sources of time and chance. */
export interface Build extends Pick<Context, "version" | "binary" | "now" | "newId"> {
  host: Host;
}

/** A context whose database opens at its first use; `rebuild` then makes the search tables anew first. */
export function openContext(build: Build, options: { rebuild: boolean } & Pick<Context, "note" | "confirm">) {
  const { host, ...program } = build;
  const { rebuild, ...voices } = options;
  let store: Store | undefined;

  function open(): Store {
    const settings = host.settings();
    requireLocal(settings, host.paths());
    for (const line of host.idleVariables()) voices.note?.(`warning: ${line}`);
    host.makeDirectory(host.paths().stateDirectory);
    const opened = openStore(host.paths().database, () => timestamp(program.now()));
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
    who: host.who,
    settings: host.settings,
    projectHere: host.projectHere,
    idleVariables: host.idleVariables,
    writeFile: host.writeFile,
    agents: host.agents,
  };
  return { context, close: () => store?.close() };
}

function requireLocal({ backend }: Settings, { config }: Paths): void {
  if (backend === "local") return;
  throw new UserError("usage", `the mesh (backend: ${backend}) is not in this build`, {
    hint: `for a memory of this machine alone write \`backend: local\` in ${config}, and unset KIOKU_MESH_BACKEND`,
  });
}
