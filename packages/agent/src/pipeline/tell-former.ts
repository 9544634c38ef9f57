import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { datasetFolder, folderName } from "../store/layout.ts"
import { STATE_FILE } from "../store/state.ts"
import { exists } from "../store/exists.ts"
import type { PrepareOptions } from "./preparation.ts"

/**
 * Tells of what was prepared when another repository had the dataset, as Python datamaestro's has it to this day, before all of
 * it is fetched once more. It stays there: whoever prepared it may use it.
 */
export async function tellFormer({ plan, cameFrom }: ResolvedDataset, options: PrepareOptions): Promise<void> {
  const { paths, progress } = options
  const folder = datasetFolder(paths, plan)
  if (cameFrom === undefined || (await exists(folder))) return
  for (const repository of await readdir(paths.datasets).catch(() => [])) {
    const former = datasetFolder(paths, { folder: folderName(repository, plan.id) })
    if (repository === plan.repository || !(await exists(join(former, STATE_FILE)))) continue
    if (!(await cameFrom(repository))) continue
    const message = `${plan.id}: "${former}" is what was prepared when it was in repository "${repository}", and is not looked at: to have it taken over instead of fetched again, stop and move it to "${folder}"`
    progress({ phase: "notice", level: "warning", message })
  }
}
