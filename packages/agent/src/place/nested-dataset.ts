import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { DOWNLOADS_FOLDER, LOCK_FILE } from "../store/dataset-names.ts"
import { MANIFEST_FILE } from "../store/manifest.ts"
import { STATE_FILE } from "../store/state.ts"

const PYTHON_LOCK_FILE = ".state.lock"

/** What only a dataset's own folder has. */
const MARKS: ReadonlySet<string> = new Set([STATE_FILE, MANIFEST_FILE, DOWNLOADS_FOLDER, LOCK_FILE, PYTHON_LOCK_FILE])

/** Whether an entry of that name shows that its folder is a dataset's own. */
export function isDatasetMark(name: string): boolean {
  return MARKS.has(name)
}

/**
 * The first folder at or below `path` that belongs to a dataset of its own, or undefined. The dataset
 * `edu.stanford.glove.6b` has the folder of `edu.stanford.glove.6b.50` inside its own.
 */
export async function findNestedDataset(path: string): Promise<string | undefined> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return []
    throw error
  })
  if (entries.some(({ name }) => MARKS.has(name))) return path
  for (const entry of entries) {
    if (!entry.isDirectory()) continue
    const found = await findNestedDataset(join(path, entry.name))
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether there is anything but empty folders. */
export async function holdsFiles(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isDirectory() || (await holdsFiles(join(path, entry.name)))) return true
  }
  return false
}

/** Dot files never count as content: they are a dataset's own, or a tool's. */
export function isDotFile(name: string): boolean {
  return name.startsWith(".")
}
