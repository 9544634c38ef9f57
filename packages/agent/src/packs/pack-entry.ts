import { DatamaestroError, type RepositoryLocation } from "@datamaestro/protocol"
import { realpath, rm } from "node:fs/promises"
import { join, sep } from "node:path"
import { touch } from "./pack-store.ts"

/**
 * Where a repository's module is on this machine.
 *
 * @throws DatamaestroError DEPLOY_FAILED when its pack was never uploaded
 */
export async function packEntry(folder: string, module: RepositoryLocation["module"]): Promise<string> {
  if (module.kind === "file") return module.path
  const pack = join(folder, module.hash)
  const entry = join(pack, module.entry)
  if (!entry.startsWith(pack + sep) || !(await touch(pack))) {
    throw new DatamaestroError("DEPLOY_FAILED", `Cannot load a repository from "${entry}": its pack is not here`, {
      hint: "run the same command again: what is missing is uploaded",
      details: { path: entry },
    })
  }
  return entry
}

/**
 * Removes the pack of a module that can't be loaded for a file that is gone from it, as storage that is cleaned by age
 * leaves it: whoever declares it next uploads it again.
 *
 * @returns what to tell; nothing where it is no such failure
 */
export async function dropIncomplete(
  folder: string,
  module: RepositoryLocation["module"],
  error: unknown,
): Promise<DatamaestroError | undefined> {
  if (module.kind !== "pack" || (error as NodeJS.ErrnoException | undefined)?.code !== "ERR_MODULE_NOT_FOUND")
    return undefined
  // As Node names modules.
  const pack = join(await realpath(folder).catch(() => folder), module.hash)
  const path = /^Cannot find module '([^']+)'/.exec((error as Error).message)?.[1]
  if (path?.startsWith(pack + sep) !== true) return undefined
  await rm(pack, { recursive: true, force: true }).catch(() => {})
  const gone = `"${path}" is gone, and the rest of that upload was removed: run the same command again, which uploads it anew`
  return new DatamaestroError("DEPLOY_FAILED", `Cannot load an uploaded repository: ${gone}`, {
    hint: "if it says so once more, the package lacks that file: build or update it",
    details: { path },
    cause: error,
  })
}
