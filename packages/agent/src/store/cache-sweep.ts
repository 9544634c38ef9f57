import { stat } from "node:fs/promises"
import { join } from "node:path"
import { isOrphan, isPartName, recordPathOf } from "./cache-orphan.ts"
import { PartRecord, readRecordFile } from "./cache-record.ts"
import { removeFile } from "./remove-file.ts"

/** Removes a whole entry and what was recorded of it: the record last, so that a file is never left unverifiable. */
export async function removeEntry(folder: string, key: string): Promise<void> {
  for (const suffix of ["dl", "url", "json"]) await removeFile(join(folder, `${key}.${suffix}`))
}

/**
 * Removes the unfinished parts of a key that nobody writes any more; returns their names.
 *
 * @param names those in the folder that are the key's
 */
export async function sweepOrphans(folder: string, names: readonly string[]): Promise<string[]> {
  const removed: string[] = []
  for (const name of names) {
    if (!isPartName(name)) {
      await removeStrayRecord(folder, name)
      continue
    }
    const path = join(folder, name)
    if (!(await isOrphan(path, await readRecordFile(recordPathOf(path), PartRecord)))) continue
    await removeFile(path)
    await removeFile(recordPathOf(path))
    removed.push(name)
  }
  return removed
}

/** A record, whole or not, that its writer was killed over or could not remove. While it is of use, the part of that name is there. */
async function removeStrayRecord(folder: string, name: string): Promise<void> {
  const [, part] = /^(.+)\.json\.tmp(\..+\.tmp)?$/.exec(name) ?? []
  if (part === undefined) return
  const exists = await stat(join(folder, `${part}.tmp`)).then(
    () => true,
    () => false,
  )
  if (!exists) await removeFile(join(folder, name))
}
