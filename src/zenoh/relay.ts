import type { Endpoint } from "./client.ts";
import { keepLinked, usualPatience } from "./keep.ts";

/** Below a mesh's control space: the tokens of routers that keep records and have no replicator to tell of them. */
export const relayTokens = "relay";

/**
 * Shows the hosts of a mesh that a relay is here: what its storage took while they were away, no peer may have. `control` as
 * in `KeySpace`, `self` random. Gives the function that ends it.
 */
export function showRelay(control: string, self: string, endpoint: () => Endpoint | undefined): () => void {
  return keepLinked({
    endpoint,
    patience: usualPatience,
    async use({ session }) {
      try {
        await session.liveliness().declareToken(`${control}/${relayTokens}/${self}`);
        return true;
      } catch {
        return false; // the session broke: the next one shows it
      }
    },
    lost() {},
  });
}
