import { DatamaestroError, type RepositoryLocation } from "@datamaestro/protocol"
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
