import { z } from "zod";
import { timestamp } from "../core/time.ts";
import type { Context, Known } from "./context.ts";
import { oneLine } from "./frame.ts";
import { meshState, meshStateSchema, peerLines, readiness, sessionLines } from "./mesh-state.ts";
import { defineOperation } from "./operation.ts";
import { budgetBytes } from "./page.ts";

/** How many observations are counted, newest first: the original's limit of a search. */
const countLimit = 10_000;

const tally = z.record(z.string(), z.int());

/** Of the Python original. */
const notReady = "WARNING: peer alignment not yet complete. Search counts may be low right after restart.";

export const status = defineOperation({
  command: "status",
  group: "host",
  summary: "Show who is speaking, where the memory is and how much is in it.",
  examples: ["status", "--rebuild status"],
  effect: "read",
  tool: {
    name: "get_memory_status",
    title: "Memory status",
    description: "Who you are here and how much is stored. PROACTIVELY call it when a search finds strangely nothing.",
    structured: ["live", "pending_puts"],
  },
  input: z.strictObject({ budget_bytes: budgetBytes }),
  output: () =>
    z.strictObject({
      version: z.string(),
      backend: z.string(),
      binary: z.string(),
      pc_id: z.string(),
      session_id: z.string(),
      agent_family: z.string(),
      agent_family_source: z.string(),
      client_id: z.string(),
      client_id_source: z.string(),
      zenoh_session: z.string(),
      last_put_at_iso: z.string(),
      last_put_status: z.string(),
      pending_puts: z.int(),
      last_save_at: z.string(),
      live: z.int(),
      tombstoned: z.int(),
      shadowed: z.int(),
      count: z.int(),
      families: tally,
      hosts: tally,
      mesh: meshStateSchema.optional(),
    }),
  async run(ctx) {
    const { sources, ...who } = ctx.who();
    const now = timestamp(ctx.now());
    const families = ctx.store().tally("agent_family", now, countLimit);
    const mesh = meshState(ctx);
    if (mesh && readiness(mesh) !== "yes") ctx.note?.(notReady);
    return {
      version: ctx.version,
      backend: ctx.settings().backend,
      binary: ctx.binary,
      ...who,
      agent_family_source: sourceOf("AGENT_FAMILY", sources.agent_family),
      client_id_source: sourceOf("CLIENT_ID", sources.client_id),
      zenoh_session: mesh ? (mesh.linked ? "connected" : "disconnected") : "n/a",
      last_put_at_iso: "",
      last_put_status: mesh ? (mesh.pending === 0 ? "ok" : "never") : "n/a",
      pending_puts: mesh?.pending ?? 0,
      last_save_at: lastSave(ctx, now),
      ...ctx.store().counts(),
      count: families.reduce((sum, { count }) => sum + count, 0),
      families: countsOf(families),
      hosts: countsOf(ctx.store().tally("pc_id", now, countLimit)),
      ...(mesh && { mesh }),
    };
  },
  text(o, _, surface) {
    const binary = surface === "mcp" ? [`last_save_at: ${o.last_save_at || "-"}`] : [];
    const identity = [
      `agent_family: ${o.agent_family} (${o.agent_family_source})`,
      `client_id: ${o.client_id} (${o.client_id_source})`,
    ];
    const rows = `index_rows: live=${o.live} / tomb=${o.tombstoned} / shadow=${o.shadowed}`;
    const full = surface === "mcp" ? " (limit may be reached; consider narrowing)" : " (limit may be reached)";
    return [
      ...binary,
      `kioku-mesh version: ${o.version}`,
      `backend: ${o.backend}`,
      ...(surface === "mcp" ? [`binary: ${o.binary}`] : []),
      `pc_id: ${o.pc_id}`,
      `session_id: ${o.session_id}`,
      ...(surface === "mcp" ? [] : identity),
      `zenoh_session: ${o.zenoh_session}`,
      `last_put_at_iso: ${o.last_put_at_iso || "-"}`,
      `last_put_status: ${o.last_put_status}`,
      `pending_puts: ${o.pending_puts}`,
      ...(surface === "mcp" ? [rows] : []),
      `count (within limit ${countLimit}): ${o.count}${o.count >= countLimit ? full : ""}`,
      ...Object.entries(o.families).map(([family, count]) => `  family ${oneLine(family)}: ${count}`),
      ...Object.entries(o.hosts).map(([host, count]) => `  pc ${oneLine(host.slice(0, 8))}: ${count}`),
      ...(o.mesh ? [`mesh_ready: ${readiness(o.mesh)}`, ...peerLines(o.mesh), ...sessionLines(o.mesh)] : []),
    ].join("\n");
  },
});

function sourceOf(name: string, { variable, detected }: Known): string {
  if (variable) return `from ${variable}`;
  return detected ? "auto-detected" : `default — set MESH_MEM_${name} to override`;
}

function lastSave(ctx: Context, now: string): string {
  return ctx.store().list({}, now, 1)[0]?.observation.created_at ?? "";
}

function countsOf(rows: readonly { value: string; count: number }[]): { [value: string]: number } {
  return Object.fromEntries(rows.map(({ value, count }) => [value, count]));
}
