import { randomBytes } from "node:crypto"
import { lstat, mkdir, rename } from "node:fs/promises"
import { dirname, join } from "node:path"
import { DatamaestroError } from "@datamaestro/protocol"
import { removeTree } from "../store/remove-tree.ts"
import { findNestedDataset } from "./nested-dataset.ts"

/**
 * Moves a whole file or folder to its final path, replacing what an older preparation left there.
 *
 * A file replaces a file atomically. Where a folder is involved the old entry is first moved to `aside` (a folder on
 * the same file system that the caller removes): in between the final path is empty, never half filled, save on overlayfs.
 *
 * @throws DatamaestroError STORAGE_FAILED when the folder of another dataset is in the way
 */
export async function replaceEntry(source: string, final: string, aside: string): Promise<void> {
  await mkdir(dirname(final), { recursive: true })
  const [next, old] = await Promise.all([lstat(source), lstatOrNothing(final)])
  if (old !== undefined && (next.isDirectory() || old.isDirectory())) await setAside(final, aside)
  await rename(source, final)
}

/** Moves an entry out of the way, unless another dataset's folder is in it. */
export async function setAside(path: string, aside: string): Promise<void> {
  await requireNoNestedDataset(path)
  await mkdir(aside, { recursive: true })
  try {
    await rename(path, join(aside, randomBytes(8).toString("hex")))
  } catch (error) {
    // A container's overlayfs (see redirect_dir in its documentation) renames no folder that lies in the image.
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error
    await removeTree(path)
  }
}

/** @throws DatamaestroError STORAGE_FAILED */
export async function requireNoNestedDataset(path: string): Promise<void> {
  const nested = await findNestedDataset(path)
  if (nested === undefined) return
  throw new DatamaestroError("STORAGE_FAILED", `Cannot replace "${path}": another dataset is prepared in "${nested}"`, {
    hint: "move that dataset's folder away, or choose another data directory with --data",
    details: { path, nested },
  })
}

export async function lstatOrNothing(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  return await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined
    throw error
  })
}
