import { lstat } from "node:fs/promises"
import { storageError } from "./storage-error.ts"

/**
 * Whether there is anything, be it a link to nowhere.
 *
 * @throws DatamaestroError PERMISSION_DENIED and other failures of the storage
 */
export async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return false
      throw storageError(error, `read "${path}"`)
    },
  )
}
