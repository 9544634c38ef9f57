import { open, readdir } from "node:fs/promises"
import { join } from "node:path"
import { storageError } from "../store/storage-error.ts"
import { syncFileSystem } from "../store/sync-file-system.ts"
import { syncDirectory } from "../store/write-atomic.ts"
import { syncOpenFile } from "../store/sync-open-file.ts"

/** Up to here each file is synced by itself; beyond, one call for the file system costs less than thousands. */
const FEW_FILES = 64

/**
 * Makes a freshly written tree durable, so that the marker which is written after it never speaks of files that a
 * power cut emptied.
 *
 * @param files relative to `root`
 * @throws DatamaestroError of the storage
 */
export async function syncTree(root: string, files: Iterable<string> & { readonly length: number }): Promise<void> {
  if (files.length > FEW_FILES && (await syncFileSystem(root))) return
  try {
    for (const path of files) await syncFile(join(root, path))
    await syncFolders(root)
  } catch (error) {
    throw storageError(error, `put "${root}" onto the disk`)
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r")
  try {
    await syncOpenFile(file)
  } finally {
    await file.close()
  }
}

async function syncFolders(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncFolders(join(path, entry.name))
  }
  await syncDirectory(path)
}
