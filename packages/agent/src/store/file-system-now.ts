import { randomBytes } from "node:crypto"
import { open } from "node:fs/promises"
import { dirname } from "node:path"
import { isSharedStorage } from "./shared-storage.ts"
import { removeFile } from "./remove-file.ts"

/**
 * The file system's present time in milliseconds, read by touching a file beside `path`: on NFS and Lustre it is
 * the server's, the only clock that can be compared with the times of files written from other nodes.
 */
export async function fileSystemNow(path: string): Promise<number> {
  const probe = `${path}.${randomBytes(6).toString("hex")}.clock`
  const file = await open(probe, "wx")
  try {
    await file.write("0")
    if (await isSharedStorage(dirname(path))) await file.sync().catch(() => {})
    return (await file.stat()).mtimeMs
  } finally {
    await file.close()
    await removeFile(probe)
  }
}
