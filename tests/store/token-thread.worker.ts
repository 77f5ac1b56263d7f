/** What the program does in its second thread, and a thread that dies of its first question. */
import { serveTokens } from "../../src/store/token-thread.ts";

serveTokens(globalThis as unknown as Worker);
if (process.argv.includes("--mortal")) {
  globalThis.addEventListener("message", () => {
    throw new Error("a defect");
  });
}
