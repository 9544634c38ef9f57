import { DatamaestroError, type RepositoryLocation } from "@datamaestro/protocol"
import { rm } from "node:fs/promises"
import { join, sep } from "node:path"
import { changedSince } from "./pack-contents.ts"
import { touch } from "./pack-store.ts"

/**
 * Where a repository's module is on this machine; its pack is as it was uploaded.
 *
 * @throws DatamaestroError DEPLOY_FAILED when its pack was never uploaded, or is another since; that one is removed
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
  const changed = await dropChanged(folder, module)
  if (changed !== undefined) throw changed
  return entry
}

/**
 * Removes the pack of a module where it is no longer as it was uploaded: whoever declares it next uploads it again.
 *
 * @param cause what went wrong with it, where something did
 * @returns what to tell; nothing where the pack is whole
 */
export async function dropChanged(
  folder: string,
  module: RepositoryLocation["module"],
  cause?: unknown,
): Promise<DatamaestroError | undefined> {
  if (module.kind !== "pack") return undefined
  const pack = join(folder, module.hash)
  const changed = await changedSince(pack)
  if (changed === undefined) return undefined
  await rm(pack, { recursive: true, force: true }).catch(() => {})
  const { path, state } = changed
  const anew = `"${path}" ${state}, and the rest of that upload was removed: run the same command again, which uploads it anew`
  return new DatamaestroError("DEPLOY_FAILED", `Cannot load an uploaded repository: ${anew}`, {
    details: { path },
    cause,
  })
}
