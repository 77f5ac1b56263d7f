import { createRandom } from "../sync/virtual-time.ts";

/** How often each kind of event comes, against the others. */
const weights = {
  save: 30,
  saveOnAll: 5,
  saveByAgent: 1,
  saveKilled: 2,
  saveThroughCrash: 3,
  supersede: 5,
  delete: 12,
  forceErase: 2,
  gc: 1,
  killRun: 3,
  endRun: 3,
  start: 8,
  killRouter: 3,
  endRouter: 2,
  cut: 4,
  mend: 4,
  setClock: 3,
  wipeByWebSocket: 1,
  wipeFiles: 1,
  backUp: 3,
  restoreDatabase: 1,
  restoreDisk: 1,
  loseDisk: 1,
  clone: 1,
};
export type Kind = keyof typeof weights;
export const kinds = Object.keys(weights) as Kind[];

/** One event. Each has all fields, so that the seed alone decides what comes after it. */
export interface Step {
  kind: Kind;
  /** Whom it happens to, and another host that it needs. */
  host: number;
  other: number;
  /** One of the saves before it, by number. */
  save: number;
  /** In [0, 1), for what else is left to chance. */
  roll: number;
  /** Milliseconds before it. */
  pause: number;
}

/** Round after round of events, as they follow from the seed. Between two rounds everything is mended and checked. */
export function* planRounds(seed: number, hosts: number): Generator<Step[]> {
  const random = createRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const bag = kinds.flatMap((kind) => Array<Kind>(weights[kind]).fill(kind));
  let saves = 0;
  for (;;) {
    const steps = Array.from({ length: 60 + below(120) }, (): Step => {
      const kind = bag[below(bag.length)]!;
      const host = below(hosts);
      const other = (host + 1 + below(hosts - 1)) % hosts;
      const step = {
        kind,
        host,
        other,
        save: below(saves),
        roll: random(),
        pause: Math.round(-600 * Math.log(1 - random())),
      };
      if (kind === "save" || kind === "supersede") saves++;
      return step;
    });
    yield steps;
  }
}
