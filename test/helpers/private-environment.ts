import { temporaryFolder } from "./ssh-client-files.ts"

/** Gives this process a home and a cache of its own, so that a test neither sees nor leaves anything. */
export async function privateEnvironment(): Promise<{ path: string; restore(): Promise<void> }> {
  const folder = await temporaryFolder("datamaestro-home-")
  const names = ["HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"]
  const before = Object.fromEntries(names.map((name) => [name, process.env[name]]))
  process.env["HOME"] = folder.path
  delete process.env["XDG_CACHE_HOME"]
  delete process.env["XDG_RUNTIME_DIR"]
  return {
    path: folder.path,
    restore: async () => {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
      await folder.remove()
    },
  }
}
