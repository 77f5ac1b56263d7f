import { dlopen, FFIType, ptr } from "bun:ffi";

const libraries = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libSystem.B.dylib"];

/**
 * Goes on as another program in this very process, so that nothing of the old arguments stays in the process list. Where
 * the system has no exec (Windows) it starts a child, waits for it, and gives its exit status.
 */
export async function replaceProcess(program: string, args: readonly string[]): Promise<number> {
  for (const library of libraries) exec(library, program, args);
  const child = Bun.spawn([program, ...args], { stdio: ["inherit", "inherit", "inherit"] });
  return await child.exited;
}

/** Returns only where there is no such library here, or the program could not be started. */
function exec(library: string, program: string, args: readonly string[]): void {
  let symbols;
  try {
    ({ symbols } = dlopen(library, { execv: { args: [FFIType.ptr, FFIType.ptr], returns: FFIType.i32 } }));
  } catch {
    return; // another system's library
  }
  const words = [program, ...args].map((word) => Buffer.from(`${word}\0`));
  const pointers = new BigUint64Array([...words.map((word) => BigInt(ptr(word))), 0n]);
  symbols.execv(ptr(words[0]!), ptr(pointers));
}
