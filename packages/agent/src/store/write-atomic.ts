import { randomBytes } from "node:crypto"
import { open, rename, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { removeFile } from "./remove-file.ts"
import { syncOpenFile } from "./sync-open-file.ts"

export interface WriteAtomicOptions {
  /** Permission bits, whatever the umask; without them the file gets those of any new one. */
  mode?: number
  /** `false`: whole or nothing for readers, but not forced onto the disk. */
  sync?: boolean
}

/** Writes a whole file or nothing: a temporary name in the same folder, fsync, rename, fsync of the folder. */
export async function writeAtomic(
  path: string,
  data: string | Uint8Array | Iterable<string | Uint8Array>,
  options: WriteAtomicOptions = {},
): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`
  try {
    const file = await open(temporary, "wx", options.mode ?? 0o666)
    try {
      // The umask took away what the file had; storage without modes takes none.
      if (options.mode !== undefined) await file.chmod(options.mode).catch(() => {})
      await writeFile(file, data)
      if (options.sync !== false) await syncOpenFile(file)
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await removeFile(temporary)
    throw error
  }
  if (options.sync !== false) await syncDirectory(dirname(path))
}

/**
 * Removes what killed writers of `path` left beside it. Only for who knows that nobody else writes it now.
 *
 * @param names what is in its folder
 */
export async function removeUnfinished(path: string, names: readonly string[]): Promise<void> {
  const start = `${basename(path)}.`
  for (const name of names) {
    if (!name.startsWith(start) || !/^\d+\.[0-9a-f]{8}\.tmp$/.test(name.slice(start.length))) continue
    await removeFile(join(dirname(path), name))
  }
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
