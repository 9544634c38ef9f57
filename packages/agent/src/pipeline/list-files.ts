import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import type { ManifestFile } from "../store/file-list.ts"

/** The files that entries of a folder are or hold, by their paths below it. */
export async function listFiles(folder: string, entries: readonly string[]): Promise<ManifestFile[]> {
  const files: ManifestFile[] = []
  for (const entry of entries) {
    const path = join(folder, entry)
    const stat = await lstat(path)
    if (stat.isFile()) files.push({ path: entry, bytes: stat.size })
    if (stat.isDirectory()) {
      const names = await readdir(path)
      files.push(
        ...(await listFiles(
          folder,
          names.map((name) => `${entry}/${name}`),
        )),
      )
    }
  }
  return files
}
