import { DatamaestroError, type RepositoryLocation } from "@datamaestro/protocol"
import { rm } from "node:fs/promises"
import { join, sep } from "node:path"
import { goneFrom } from "./pack-contents.ts"
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
 * Removes the pack of a module that can't be loaded where something is gone from it: whoever declares it next uploads it
 * again.
 *
 * @returns what to tell; nothing where the pack is whole
 */
export async function dropIncomplete(
  folder: string,
  module: RepositoryLocation["module"],
  cause: unknown,
): Promise<DatamaestroError | undefined> {
  if (module.kind !== "pack") return undefined
  const pack = join(folder, module.hash)
  const path = await goneFrom(pack)
  if (path === undefined) return undefined
  await rm(pack, { recursive: true, force: true }).catch(() => {})
  const gone = `"${path}" is gone, and the rest of that upload was removed: run the same command again, which uploads it anew`
  return new DatamaestroError("DEPLOY_FAILED", `Cannot load an uploaded repository: ${gone}`, {
    details: { path },
    cause,
  })
}
