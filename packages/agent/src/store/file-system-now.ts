import { randomBytes } from "node:crypto"
import { open } from "node:fs/promises"
import { dirname } from "node:path"
import { isSharedStorage } from "./shared-storage.ts"
import { removeFile } from "./remove-file.ts"

/**
 * The file system's present time in milliseconds. That of a local one is this machine's. Of NFS and Lustre it is the server's, the only
 * clock that can be compared with the times of files written from other nodes: it is read by touching a file beside `path`, which a
 * process that is killed over it leaves.
 */
export async function fileSystemNow(path: string): Promise<number> {
  if (!(await isSharedStorage(dirname(path)))) return Date.now()
  const probe = `${path}.${randomBytes(6).toString("hex")}.clock`
  const file = await open(probe, "wx")
  try {
    await file.write("0")
    await file.sync().catch(() => {})
    return (await file.stat()).mtimeMs
  } finally {
    await file.close()
    await removeFile(probe)
  }
}
