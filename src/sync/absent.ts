import type { Mesh } from "./mesh.ts";

/** The mesh of a host that has none: never linked, nobody there, nothing kept. */
export function absentMesh(): Mesh {
  return {
    self: "",
    open: (listener) => listener.linked(false),
    publish: () => Promise.resolve(false),
    ask: () => Promise.resolve(undefined),
    announce: () => {},
    storage: undefined,
    close: () => Promise.resolve(),
  };
}
