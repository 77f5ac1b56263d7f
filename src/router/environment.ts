type Env = { readonly [name: string]: string | undefined };

/** Only what zenohd needs of an environment that may hold anybody's secrets. */
export function routerEnvironment(
  env: Env,
  stateDirectory: string,
  platform: NodeJS.Platform = process.platform,
): { [name: string]: string } {
  const system = platform === "win32" ? ["SystemRoot", "TEMP", "TMP"] : [];
  const kept = system.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return {
    ...Object.fromEntries(kept),
    ZENOH_BACKEND_ROCKSDB_ROOT: rocksdbRoot(env, stateDirectory),
    RUST_LOG: "warn", // at `info` zenohd prints its whole configuration
    NO_COLOR: "1",
    UHLC_MAX_DELTA_MS: "60000", // a peer's clock may be that far ahead before its records are stamped anew
  };
}

/** Where the router's RocksDB directories lie: where the original's user said, else in the state directory, as its unit does. */
export function rocksdbRoot(env: Env, stateDirectory: string): string {
  return env.ZENOH_BACKEND_ROCKSDB_ROOT || stateDirectory;
}
