/** Storage with a round trip in it, for every program alike: slow-storage.c, compiled and preloaded. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface SlowStorage {
  /** What a process must have in its environment for calls below `prefix` to take 1 ms more. */
  environment(prefix: string): NodeJS.ProcessEnv
}

/** Compiles the shim into `folder`, or says why it can't be. */
export function compileSlowStorage(folder: string): SlowStorage | { reason: string } {
  if (process.platform !== "linux") return { reason: `no LD_PRELOAD on ${process.platform}` }
  const source = fileURLToPath(new URL("slow-storage.c", import.meta.url))
  const library = join(folder, "slow-storage.so")
  const compiler = process.env["CC"] ?? "cc"
  const result = spawnSync(compiler, ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], { encoding: "utf8" })
  if (result.error !== undefined) return { reason: `no ${compiler}` }
  if (result.status !== 0) return { reason: `${compiler}: ${result.stderr}` }
  return {
    environment: (prefix) => ({
      LD_PRELOAD: library,
      SLOW_STORAGE_PREFIX: prefix,
      SLOW_STORAGE_MICROSECONDS: "1000",
      // Else libuv could pass libc by.
      UV_USE_IO_URING: "0",
    }),
  }
}
