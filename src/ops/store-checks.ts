import { timestamp } from "../core/time.ts";
import { inspect, isDamaged, sqliteVersion, type Inspection } from "../store/inspect.ts";
import { checked, fail, pass, warn, type Check, type Finding } from "./check.ts";
import type { Context } from "./context.ts";
import { hasDatabase } from "./host-checks.ts";

/** The oldest SQLite that has all we use. Ours is newer; macOS brings its own. */
const oldestSqlite = [3, 39];

/** No clock that is right shows an earlier time. */
const earliest = "2026-01-01T00:00:00.000000Z";

/** How far the log may be ahead of the clock before the clock must be wrong. Milliseconds. */
const clockTolerance = 120_000;

function integrity(found: Inspection, path: string): Finding {
  const { problems, doubtful, astray, purged } = found;
  const repair = "`kioku-mesh doctor --repair` saves what can be read into a new file, and keeps this one.";
  if (isDamaged(found)) {
    const what =
      problems[0] ?? (doubtful.length ? `${doubtful.length} records are not what was saved` : "its count is wrong");
    return fail(`the database is damaged: ${what}`, repair, { path, problems, doubtful });
  }
  if (problems.length + astray > 0) {
    const hint = "`kioku-mesh --rebuild status` makes them anew from the log.";
    return warn("the search tables do not agree with the log", hint, { path, problems, astray });
  }
  if (!purged) return warn("bytes of erased content are still in the file", "Run: kioku-mesh gc", { path });
  return pass("the database is sound", { path });
}

function schema({ schema, known }: Inspection): Finding {
  const details = { schema, known };
  if (schema === known) return pass(`schema ${schema}`, details);
  if (schema < known) return pass(`schema ${schema}; the next command brings it to ${known}`, details);
  return fail(`schema ${schema}, this build knows ${known}`, "Install a newer release of kioku-mesh.", details);
}

function unreadable({ unreadable: count }: Inspection): Finding {
  if (count === 0) return pass("every record can be read", { count });
  return warn(
    `${count} records cannot be read; they are kept and passed on`,
    "A newer release of kioku-mesh may know them.",
    { count },
  );
}

/** The clock decides what has expired and what is old enough to erase. */
function clock(found: Inspection | undefined, now: number): Finding {
  const details = { now: timestamp(now), learned_at: found?.learned_at ?? "" };
  const hint = "Set the clock (NTP): it decides what has expired and what `gc` erases.";
  if (details.now < earliest) return fail(`the clock says ${details.now}`, hint, details);
  if (details.learned_at > timestamp(now + clockTolerance)) {
    return warn(`the clock says ${details.now}, but the last record came at ${details.learned_at}`, hint, details);
  }
  return pass(details.now, details);
}

function sqlite(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const details = { version };
  if (major > oldestSqlite[0]! || minor >= oldestSqlite[1]!) return pass(version, details);
  return fail(`${version} is older than ${oldestSqlite.join(".")}`, "Update the system, which brings it.", details);
}

/** Looks at the database once for all that is to be said of it. Where there is none yet, none is made. */
function inspected(ctx: Context): Inspection | undefined {
  return hasDatabase(ctx) ? inspect(ctx.paths.database) : undefined;
}

/** What there is to say of the database and of what it relies on. */
export function storeChecks(ctx: Context): Check[] {
  let found: Inspection | undefined;
  const first = checked(
    {
      name: "database_integrity",
      look() {
        const path = ctx.paths.database;
        found = inspected(ctx);
        return found ? integrity(found, path) : pass("there is no database yet: the first save makes it", { path });
      },
    },
    ctx,
  );
  return [
    first,
    ...(found
      ? [
          { name: "database_schema", ...schema(found) },
          { name: "records", ...unreadable(found) },
        ]
      : []),
    { name: "clock", ...clock(found, ctx.now().getTime()) },
    { name: "sqlite_version", ...sqlite(sqliteVersion()) },
  ];
}
