import type { RouterState } from "../router/supervise.ts";
import type { Notice } from "../sync/status.ts";

/** Says how the router fares. What it is tried again and again for, and fails, is said once. */
export function createStateTeller(note: (line: string) => void) {
  let failure = "";

  return (state: RouterState): void => {
    if (state.state === "waiting") note(`router: ${state.problem}`);
    if (state.state === "ready") note(`router ${state.router.version} is ready`);
    if (state.state === "restarting") note(`router: ${state.reason}; starting it again in ${state.delayMs} ms`);
    if (state.state === "failed") {
      const { message, hint } = state.error;
      if (message !== failure) note(`router: ${message}${hint ? ` (${hint})` : ""}`);
      failure = message;
    }
    if (state.state === "starting") {
      failure = "";
      for (const { endpoint, holder } of state.conflicts) note(`router: ${endpoint} is held by ${holder}`);
      for (const { endpoint, reason } of state.skipped) note(`ZENOH_CONNECT: ${endpoint} is skipped: ${reason}`);
    }
  };
}

/** What a person hears of replication. */
export function noticeText(notice: Notice): string {
  switch (notice.kind) {
    case "dropped":
      return `dropped a ${notice.what}: ${notice.reason} (counted from here on: kioku-mesh mesh peers)`;
    case "notUnderstood":
      return `peer ${notice.peer} is not understood: ${notice.reason}`;
    case "duplicateHost":
      return `two machines call themselves host ${notice.host}: was a disk cloned? Delete pc_id on one of them`;
    case "storageWiped":
      return `the router's storage lacks ${notice.missing} records: filling it again`;
    case "failed":
      return `replication: ${notice.error instanceof Error ? notice.error.message : String(notice.error)}`;
  }
}
