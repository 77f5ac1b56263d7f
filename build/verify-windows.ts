/**
 * Runs the Windows binary under Wine: `bun run verify:windows`. Compiles it and a driver, gives Wine the one library it
 * lacks, and ends with the driver's status. Needs `wine` and `x86_64-w64-mingw32-gcc` (Debian: wine wine64
 * gcc-mingw-w64-x86-64).
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "./compile.ts";

const root = join(import.meta.dir, "..");

/** `bcryptprimitives.dll` as Bun needs it: random bytes from the function that Wine has. */
const library = `
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG)size); }
`;

/** Gives the driver's exit status; what it says goes to `print`. */
export async function verifyWindows(print: (text: string) => void): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), "kioku-wine-"));
  const env = { ...process.env, WINEPREFIX: join(work, "prefix"), WINEDEBUG: "-all", HOME: work, DISPLAY: "" };
  const run = (command: string[]) => Bun.spawnSync(command, { env, cwd: work, stdin: "ignore" });
  try {
    const program = await compile("windows-x64", join(work, "bin"));
    const driver = join(work, "driver.exe");
    await Bun.build({
      entrypoints: [join(root, "tests/windows/driver.ts")],
      compile: { target: "bun-windows-x64", outfile: driver, autoloadDotenv: false, autoloadBunfig: false },
    });
    must(run(["wineboot", "--init"]), "wineboot");
    await Bun.write(join(work, "prng.c"), library);
    const system = join(work, "prefix/drive_c/windows/system32");
    const dll = join(system, "bcryptprimitives.dll");
    const gcc = ["x86_64-w64-mingw32-gcc", "-shared", "-o", dll, join(work, "prng.c"), "-ladvapi32"];
    must(run(gcc), "gcc");
    must(run(["wine", "winecfg", "-v", "win10"]), "winecfg");
    const folder = join(work, "prefix/drive_c/memory");
    mkdirSync(folder);
    const { stdout, stderr, exitCode } = run(["wine", driver, `Z:${program.replaceAll("/", "\\")}`, "C:\\memory"]);
    print(stdout.toString() + stderr.toString());
    return exitCode;
  } finally {
    run(["wineserver", "-k"]);
    rmSync(work, { recursive: true, force: true });
  }
}

function must({ exitCode, stderr }: { exitCode: number; stderr: Buffer }, what: string): void {
  if (exitCode !== 0) throw new Error(`${what} failed: ${stderr.toString()}`);
}

if (import.meta.main) process.exitCode = await verifyWindows((text) => process.stdout.write(text));
