import { temporary } from "../temporary.ts";

/** A small disk that only the processes in its mount namespace see. `at` is its directory, `inside` goes before a command. */
export async function smallDisk(megabytes: number) {
  const files = temporary();
  const at = files.directory("disk");
  const script = `mount -t tmpfs -o size=${megabytes}m,mode=700 tmpfs "$1" && echo mounted && exec sleep 600`;
  const holder = Bun.spawn(["unshare", "-m", "sh", "-c", script, "sh", at], { stdout: "pipe", stderr: "inherit" });
  await holder.stdout.getReader().read();
  const inside = ["nsenter", "-t", String(holder.pid), "-m"];
  const sh = (command: string): void => {
    const { exitCode, stderr } = Bun.spawnSync([...inside, "sh", "-c", command], { stdout: "ignore" });
    if (exitCode !== 0) throw new Error(String(stderr));
  };
  return {
    at,
    inside,
    sh,
    /** Leaves so many kilobytes free. */
    fill: (free: number) =>
      sh(`cd ${at}; rm -f fill; dd if=/dev/zero of=fill bs=4k 2>&1 | true; truncate -s -${free}k fill`),
    empty: () => sh(`rm -f ${at}/fill`),
    async [Symbol.asyncDispose]() {
      holder.kill("SIGKILL");
      await holder.exited;
      files[Symbol.dispose]();
    },
  };
}
