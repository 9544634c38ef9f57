import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { lstatOrNothing } from "../place/replace-entry.ts"
import type { ManifestFile } from "../store/file-list.ts"

/**
 * The files that entries of a folder are or hold, by their paths below it. None at all where one has a name that is not UTF-8, as
 * Python and tar write what an old archive has: no JSON can tell it, and what the list lacks would be taken for added.
 */
export async function listFiles(folder: string, entries: readonly string[]): Promise<ManifestFile[]> {
  const files: ManifestFile[] = []
  return (await list(folder, entries, files)) ? files : []
}

/** @returns whether all could be named */
async function list(folder: string, entries: readonly string[], files: ManifestFile[]): Promise<boolean> {
  for (const entry of entries) {
    const path = join(folder, entry)
    const stat = await lstatOrNothing(path)
    if (stat === undefined) return false
    if (stat.isFile()) files.push({ path: entry, bytes: Number(stat.size) })
    if (!stat.isDirectory()) continue
    const names = await readdir(path)
    const below = names.map((name) => `${entry}/${name}`)
    if (!(await list(folder, below, files))) return false
  }
  return true
}
