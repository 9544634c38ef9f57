import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro, type CommandRun } from "./command-line.ts"
import { compileFaultyStorage, type Fault } from "./faulty-storage.ts"
import { startOrigin, type Origin } from "./origin.ts"
import { writeRepositoryPackage } from "./repository-package.ts"
import { temporaryFolder } from "./ssh-client-files.ts"

export interface StorageLab {
  /** The data directory, not made yet. */
  data: string
  origin: Origin
  /** Makes a repository known, by the code of its module. */
  addRepository(id: string, module: string): Promise<void>
  /** Prepares a dataset, on storage that has a fault where one is given. */
  prepare(id: string, fault?: Fault): Promise<CommandRun>
  close(): Promise<void>
}

/** A web server, and a data directory whose storage may be faulty; nothing where faults can't be made. */
export async function startStorageLab(): Promise<StorageLab | undefined> {
  const folder = await temporaryFolder("datamaestro-storage-")
  const faulty = compileFaultyStorage(folder.path)
  if (faulty === undefined) {
    await folder.remove()
    return undefined
  }
  const origin = await startOrigin()
  const home = join(folder.path, "home")
  const data = join(folder.path, "data")
  await mkdir(home)
  const env: Record<string, string> = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_CACHE_HOME: join(home, ".cache"),
    DATAMAESTRO_DIR: data,
  }
  return {
    data,
    origin,
    addRepository: async (id, module) => {
      env["DATAMAESTRO_REPOSITORY_PATH"] = await writeRepositoryPackage(folder.path, {
        id,
        files: { "lib/index.js": module },
      })
    },
    prepare: (id, fault) =>
      datamaestro(["prepare", id], { env: { ...env, ...(fault === undefined ? {} : faulty(fault)) } }),
    close: async () => {
      await origin.close()
      await folder.remove()
    },
  }
}
