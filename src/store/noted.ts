/**
 * Names of what is noted of the mesh beside the log, of those that more than one part of the program reads. `forgetMesh`
 * forgets whatever begins with `mesh.`.
 */
export const noted = {
  /** The mesh whose host this database is. */
  mesh: "mesh.id",
  /** Up to which row a peer or the storage has all. */
  held: "mesh.held",
  /** How replication stands, as JSON. */
  status: "mesh.status",
  /** What keeps this host from linking to hubs that it dials, as JSON. */
  hubs: "mesh.hubs",
} as const;
