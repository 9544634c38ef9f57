import type { Stats } from "node:fs"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import type { ProgressListener } from "@datamaestro/protocol"
import type { ManifestFile } from "../store/file-list.ts"
import { MANIFEST_FILE } from "../store/manifest.ts"
import type { FoundDataset } from "./found-dataset.ts"
import type { StoredResource } from "./stored-resource.ts"

/** In which way what is at a file's place can't be the one that was recorded, by its size in bytes; `undefined`: it may be. */
export function differenceAtSight(found: Stats, file: ManifestFile): string | undefined {
  if (!found.isFile()) return "it is no file"
  return found.size === file.bytes ? undefined : `it has ${found.size} bytes, wanted ${file.bytes}`
}

/**
 * Tells of prepared files that somebody changed or cut short since, as their size shows. They are left as they are: that
 * may have been on purpose. Only resources of one file are looked at, so that a preparation with nothing to do
 * stays quick; the files of archives are for `verify`.
 */
export async function tellChangedFiles(
  found: FoundDataset,
  resources: readonly StoredResource[],
  progress: ProgressListener,
): Promise<void> {
  await Promise.all(
    resources.map(async ({ name }) => {
      const files = found.manifest.record(name)?.files
      if (files?.length !== 1) return
      const [file] = files
      const path = file && join(found.folder, file.path)
      // What can't be looked at is told by whoever reads it.
      const status = path === undefined ? undefined : await stat(path).catch(() => undefined)
      const difference = file && status && differenceAtSight(status, file)
      if (difference === undefined) return
      const { id } = found.plan
      progress({
        phase: "notice",
        level: "warning",
        message: `${id}: "${path}" was changed after it was prepared: ${difference} by ${MANIFEST_FILE}; it is used as it is. \`datamaestro verify ${id}\` compares every file, \`datamaestro prepare --force ${id}\` prepares them anew`,
      })
    }),
  )
}
