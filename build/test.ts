/**
 * The whole check of a checkout: types, lint, format, the build, all tests. Ends with the line `N passed, N failed, N
 * skipped`, after the reasons of what was skipped. With --no-skips a skipped test is a failure.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dir, "..");
const { values } = parseArgs({ options: { "no-skips": { type: "boolean", default: false } } });

// The router to carry, where one is provided: the tests of the mesh need a binary that has it.
const beside = join(root, "../shared/zenoh");
const router = process.env.KIOKU_ROUTER_DIR ?? (existsSync(beside) ? beside : undefined);

const checks = [
  ["bun", "check"],
  ["bun", "x", "oxlint", "--deny-warnings", "src", "build", "tests"],
  ["bun", "fmt", "--no-script", "--check", "--print-width=120", "src", "build", "tests"],
  ...(router === undefined ? [] : [["bun", "build/router.ts", "--from", router]]),
  ["bun", "build/compile.ts", "--host"],
];
for (const command of checks) {
  console.log(`$ ${command.join(" ")}`);
  const { exitCode } = Bun.spawnSync(command, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (exitCode !== 0) {
    console.log("0 passed, 1 failed");
    process.exit(1);
  }
}

const work = mkdtempSync(join(tmpdir(), "kioku-test-"));
const report = join(work, "junit.xml");
const tests = Bun.spawnSync(
  [
    "bun",
    "test",
    "--parallel=2",
    "--timeout=120000",
    "--only-failures",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
const xml = await Bun.file(report).text();
rmSync(work, { recursive: true, force: true });

const cases = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*?(\/>|>([\s\S]*?)<\/testcase>)/g)];
const skipped = cases.filter(([, , , body]) => body?.includes("<skipped"));
const failed = cases.filter(([, , , body]) => body?.includes("<failure")).length;
const reasons = Map.groupBy(
  skipped,
  ([, name]) => /\[needs (.*)\]$/.exec(name!)?.[1]!.replaceAll("&apos;", "'") ?? "no reason given",
);
for (const [reason, { length }] of reasons) console.log(`skipped ${length}: needs ${reason}`);

const passed = cases.length - skipped.length - failed;
const broken = tests.exitCode !== 0 || passed === 0 || (values["no-skips"] && skipped.length > 0);
const failures = broken && failed === 0 ? 1 : failed;
console.log(`${passed} passed, ${failures} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
process.exitCode = broken ? 1 : 0;
