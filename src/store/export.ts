import type { Database } from "bun:sqlite";
import type { LogRow } from "./log.ts";

/** A record as it leaves in an export. */
export interface ExportRow extends LogRow {
  /** Since when the observation is hidden on this host, null where it is not. */
  hidden_at: string | null;
}

/** Rows of one page: what is in memory at a time. */
const pageSize = 64;

/**
 * The log, page by page, oldest first. Each page is a read of its own, so that no reader of an export, however slow, keeps
 * the write-ahead log from beginning anew: what is replaced meanwhile comes again, under its new number.
 */
export function* exportPages(db: Database, project: string | undefined): Generator<ExportRow[], void> {
  const narrowed = project === undefined ? "" : "and r.id in (select id from observation where project = $project)";
  const query = db.query<ExportRow, { [name: string]: string | number }>(
    `select r.*, h.hidden_at from record r left join hidden h on r.kind = 'observation' and h.id = r.id
     where r.seq > $after ${narrowed} order by r.seq limit ${pageSize}`,
  );
  for (let after = 0; ;) {
    const page = query.all({ after, ...(project !== undefined && { project }) });
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)!.seq;
  }
}
