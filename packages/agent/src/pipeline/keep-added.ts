import { lstat, mkdir, readdir } from "node:fs/promises"
import { join } from "node:path"
import { keepForeign } from "../place/keep-foreign.ts"
import { freePlaces } from "../place/free-places.ts"
import { findNestedDataset } from "../place/nested-dataset.ts"
import type { Placement } from "../place/placement.ts"
import { requireNoNestedDataset } from "../place/replace-entry.ts"
import { pathsOf } from "../store/file-list.ts"
import { storageError } from "../store/storage-error.ts"
import { exists } from "../store/exists.ts"
import type { StoredResource } from "./stored-resource.ts"
import type { Preparation } from "./preparation.ts"

type Changes = Pick<Placement, "moves" | "stale">

/**
 * Has what a placement replaces or takes away keep the files and symbolic links that no record of ours knows, and which therefore are a
 * person's.
 *
 * @returns the changes to make then
 * @throws DatamaestroError STORAGE_FAILED where something of a person's is in the way
 */
export async function keepAdded(
  preparation: Preparation,
  resource: StoredResource,
  work: string,
  changes: Changes,
): Promise<Changes> {
  const { folder } = preparation
  try {
    return await keep(preparation, resource, work, changes)
  } catch (error) {
    throw storageError(error, `keep what others have put into "${folder}"`)
  }
}

async function keep(
  { folder, found }: Preparation,
  { name }: StoredResource,
  work: string,
  { moves, stale }: Changes,
): Promise<Changes> {
  const record = found.manifest.record(name)
  let own: ReadonlySet<string> | undefined
  const isOwn = (path: string): boolean => {
    const { entries = [], files = [], links = [] } = record ?? {}
    own ??= new Set([...entries, ...pathsOf(files), ...links])
    return own.has(path) || found.former.has(path)
  }
  const kept: Changes = { moves: [...moves], stale: [] }
  const folders: Changes["moves"] = []
  const isFree = await freePlaces(
    folder,
    moves.map(({ to }) => to),
  )
  for (const { from, to } of moves) {
    if (isFree(to)) continue
    await requireNoNestedDataset(join(folder, to))
    await keepForeign(join(folder, to), join(work, from), (path) => isOwn(join(to, path)))
  }
  for (const [index, entry] of stale.entries()) {
    const path = join(folder, entry)
    const from = `kept-${index}`
    if (await isLeft(path)) {
      await mkdir(join(work, from))
      await keepForeign(path, join(work, from), (below) => isOwn(join(entry, below)))
      if ((await readdir(join(work, from))).length > 0) {
        folders.push({ from, to: entry })
        continue
      }
    }
    kept.stale.push(entry)
  }
  // Before what goes into them.
  return { moves: [...folders, ...kept.moves], stale: kept.stale }
}

/** A folder that goes, and that nobody else's dataset is in, which lets it stay. */
async function isLeft(path: string): Promise<boolean> {
  if (!(await exists(path)) || !(await lstat(path)).isDirectory()) return false
  return (await findNestedDataset(path)) === undefined
}
