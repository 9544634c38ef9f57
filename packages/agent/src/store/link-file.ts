import { constants } from "node:fs"
import { copyFile, link, open } from "node:fs/promises"
import { errnoName } from "./errno-name.ts"
import { storageError } from "./storage-error.ts"
import { removeFile } from "./remove-file.ts"
import { syncOpenFile } from "./sync-open-file.ts"

/**
 * The same bytes under a second name, where the file system can, else a durable copy (a clone where it can do that).
 * On failure there is none.
 *
 * @throws DatamaestroError as `storageError`
 */
export async function linkFile(from: string, to: string): Promise<void> {
  try {
    await linkOrCopy(from, to)
  } catch (error) {
    await removeFile(to)
    throw storageError(error, `write "${to}"`)
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
    return
  } catch (error) {
    if (["ENOENT", "EEXIST", "ENOSPC", "EDQUOT"].includes(errnoName(error) ?? "")) throw error
  }
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  const file = await open(to, "r+")
  try {
    await syncOpenFile(file)
  } finally {
    await file.close()
  }
}
