import {
  isSecondTo,
  repaired,
  repairOf,
  startsOurServer,
  type Program,
  type Registration,
  type Repair,
  type ServerEntry,
} from "../core/agent.ts";
import { UserError } from "../core/errors.ts";
import type { Agent, ServerList } from "./agents.ts";

/** One change to an agent's configuration: what is said of it, and what does it. */
interface Step {
  says: string;
  /** Gives the path of the backup. */
  take(): string | undefined;
}

/** What repairs the entry of a name wherever an agent has it, and removes what starts the same server a second time. */
export function repairSteps(agent: Agent, name: string, program: Program): Step[] {
  const lists = agent.lists().map((servers) => ({ servers, all: servers.registrations() }));
  const others = lists.flatMap(({ all }) => all).filter((other) => other.name !== name && startsOurServer(other.entry));
  const first = lists.flatMap(({ all }) => all).find((registration) => registration.name === name);
  if (!first) {
    throw new UserError("notFound", `'${name}' is not registered with ${agent.title}`, {
      exit: 1,
      hint: others[0]
        ? `'${others[0].name}' starts the server: --name ${others[0].name}`
        : "register it without --repair",
    });
  }
  const [{ all: users = [] } = {}] = lists;
  const own = users.find((registration) => registration.name === name);
  const target = own && repairedEntry(own, program);
  return lists.flatMap(({ servers, all }) => all.flatMap((registration) => stepsFor(servers, registration)));

  function stepsFor(servers: ServerList, registration: Registration): Step[] {
    const { name: other, entry, scope, file } = registration;
    const where = `in ${file} (${scope} scope)`;
    const removal = (why: string): Step[] => [
      { says: `removed '${other}' ${where}, ${why}`, take: () => servers.remove(other) },
    ];
    if (other !== name)
      return scope === "user" && isSecondTo(first!.entry, entry) ? removal(`as '${name}' starts the same`) : [];
    const after = repairedEntry(registration, program);
    if (scope === "local" && Bun.deepEquals(after, target)) return removal("as the user's own entry is equal");
    const repair = repairFor(registration, program);
    if (!repair) return [];
    return [{ says: `${words(repair)} '${name}' ${where}`, take: () => servers.repair(name, repair, after) }];
  }
}

function repairedEntry(registration: Registration, program: Program): ServerEntry {
  const repair = repairFor(registration, program);
  return repair ? repaired(registration.entry, repair) : registration.entry;
}

/** A repository's entry is shared with other machines, where this one's path would be wrong. */
function repairFor({ scope, entry }: Registration, program: Program): Repair | undefined {
  return repairOf(entry, scope === "project" ? entry : program);
}

function words({ command, args, renamed, dropped }: Repair): string {
  const parts = [
    ...(renamed.length + dropped.length > 0 ? ["repaired identity env for"] : []),
    ...(command !== undefined || args !== undefined
      ? [`re-pointed${command === undefined ? "" : ` to ${command}`}`]
      : []),
  ];
  return parts.join(" and ");
}
