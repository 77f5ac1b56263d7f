/**
 * Uses the Windows binary as a person and an agent do, from Windows: `driver.exe KIOKU-MESH.EXE FOLDER`. Prints one line
 * for each step and ends with status 1 at the first that goes wrong.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [program, folder] = process.argv.slice(2) as [string, string];
const env = { ...process.env, USERPROFILE: folder, LOCALAPPDATA: join(folder, "AppData", "Local"), HOME: "" };
mkdirSync(env.LOCALAPPDATA, { recursive: true });

function kioku(...argv: string[]): { out: string; status: number } {
  const input = join(folder, "empty");
  writeFileSync(input, "");
  const { stdout, stderr, exitCode } = Bun.spawnSync([program, ...argv], { env, cwd: folder, stdin: Bun.file(input) });
  return { out: stdout.toString() || stderr.toString(), status: exitCode };
}

function step(name: string, holds: boolean, seen: unknown): void {
  console.log(`${holds ? "ok" : "FAILED"} ${name}${holds ? "" : `: ${JSON.stringify(seen)}`}`);
  if (!holds) process.exit(1);
}

const version = kioku("--version");
step("--version", /^kioku-mesh \d/.test(version.out), version);
const init = kioku("init");
step("init", init.status === 0 && init.out.includes("local backend ready"), init);
const saved = kioku("save", "Windows は日本語も覚える (parseConfigFile)", "-p", "demo");
step("save", /^saved: [0-9a-f]{32}\r?\n$/.test(saved.out), saved);
const id = saved.out.trim().slice("saved: ".length);
for (const query of ["日本", "parseConf", "what does Windows remember"]) {
  const found = kioku("search", query);
  step(`search ${query}`, found.out.includes(id), found);
}
const got = kioku("get-memory", id.slice(0, 8));
step("get-memory", got.out.includes("覚える"), got);
const doctor = kioku("doctor", "--json");
step("doctor", JSON.parse(doctor.out).worst_status !== "fail", doctor);

const lines = join(folder, "memories.jsonl");
const exported = kioku("export", "--out", lines);
step("export", exported.status === 0, exported);
const deleted = kioku("delete", id);
step("delete", deleted.out.startsWith(`deleted (tombstone): ${id}`), deleted);
const gone = kioku("search", "parseConf");
step("search finds no longer", gone.out.startsWith("No matching memories."), gone);
const imported = kioku("import", lines);
step("import", imported.status === 0, imported);
const many = join(folder, "many.jsonl");
const idOf = (i: number) => i.toString(16).padStart(32, "0");
const line = (i: number) => JSON.stringify({ observation_id: idOf(i), content: `memory number ${i} of many` });
writeFileSync(many, Array.from({ length: 2_000 }, (_, i) => line(i)).join("\n"));
const taken = kioku("import", many); // by two threads
step("import of many", taken.out.includes("imported: 2000 observations"), taken);
const last = kioku("search", "memory number 1999");
step("search finds the last of them", last.out.includes(idOf(1999)), last);

const server = Bun.spawn([program, "mcp", "serve"], {
  env,
  cwd: folder,
  stdin: "pipe",
  stdout: "pipe",
  stderr: "inherit",
});
const call = (id: number, name: string, args: object) => ({
  id,
  method: "tools/call",
  params: { name, arguments: args },
});
const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "driver", version: "1" } };
const messages = [
  { id: 1, method: "initialize", params },
  { method: "notifications/initialized" },
  { id: 2, method: "tools/list" },
  call(3, "save_observation", { content: "saved by an agent on Windows" }),
];
for (const message of messages) server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
await server.stdin.end();
const answers = (await new Response(server.stdout).text())
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
step(
  "mcp: initialize, tools/list, save",
  [1, 2, 3].every((n) => answers.some((a) => a.id === n && a.result)),
  answers,
);
step("mcp: leaves with its client", (await server.exited) === 0, server.exitCode);
const byAgent = kioku("search", "agent on Windows");
step("what the agent saved is found", byAgent.out.includes("saved by an agent"), byAgent);
