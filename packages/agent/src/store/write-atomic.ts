import { randomBytes } from "node:crypto"
import { open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"

export interface WriteAtomicOptions {
  /** Permission bits before the umask. */
  mode?: number
  /** `false`: whole or nothing for readers, but not forced onto the disk. */
  sync?: boolean
}

/** Writes a whole file or nothing: a temporary name in the same folder, fsync, rename, fsync of the folder. */
export async function writeAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteAtomicOptions = {},
): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`
  try {
    const file = await open(temporary, "wx", options.mode ?? 0o666)
    try {
      await file.writeFile(data)
      if (options.sync !== false) await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  if (options.sync !== false) await syncDirectory(dirname(path))
}

/** Makes a rename in the folder durable; where the file system does not sync folders, does nothing. */
export async function syncDirectory(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined)
  if (folder === undefined) return
  try {
    await folder.sync().catch(() => {})
  } finally {
    await folder.close()
  }
}
