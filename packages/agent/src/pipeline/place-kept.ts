import { rename } from "node:fs/promises"
import { join } from "node:path"
import { readPlacement } from "../place/placement.ts"
import { syncTree } from "../place/sync-tree.ts"
import type { StoredResource } from "./stored-resource.ts"
import { placeResource, type Made } from "./place-resource.ts"
import type { Preparation } from "./preparation.ts"
import { makeWorkFolder, removeWorkFolder } from "./work-folder.ts"

const OUTPUT = "output"

/** A folder that one run after the other fills: no work folder, since those of earlier runs are swept away. */
export interface Kept {
  /** Absolute, in the dataset's `.downloads`. */
  path: string
  /** The files in it, relative to it. */
  files: readonly string[]
  /** What of it goes where: `from` relative to it, "" for all of it. */
  moves: Made["moves"]
  record: Made["record"]
}

/** Places a folder that is whole now. Where that fails before it has begun, it is kept for the next run. */
export async function placeKept(
  preparation: Preparation,
  resource: StoredResource,
  { path, files, moves, record }: Kept,
): Promise<void> {
  await syncTree(path, files)
  const work = makeWorkFolder(preparation, resource)
  const output = join(work, OUTPUT)
  try {
    await rename(path, output)
    await placeResource(preparation, resource, work, {
      moves: moves.map(({ from, to }) => ({ from: from === "" ? OUTPUT : `${OUTPUT}/${from}`, to })),
      record,
    })
  } catch (error) {
    if ((await readPlacement(work)) === undefined) {
      await rename(output, path).catch(() => {})
      await removeWorkFolder(work)
    }
    throw error
  }
}
