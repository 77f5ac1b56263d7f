/** A supervisor in a process of its own, to be killed: prints each state as a line of JSON. Argument: the state directory. */
import { join } from "node:path";
import { ephemeralConfig } from "../../src/router/config.ts";
import { superviseRouter } from "../../src/router/supervise.ts";
import { realRouter } from "./real-router.ts";
import { probe } from "./zenoh-probe.ts";

const stateDirectory = process.argv[2]!;
superviseRouter({
  directory: join(stateDirectory, "mesh"),
  stateDirectory,
  provide: realRouter,
  plan: () => ({ file: ephemeralConfig([], []) }),
  probe,
  env: process.env,
  now: () => new Date(),
  onState: (state) => console.log(JSON.stringify(state)),
});
