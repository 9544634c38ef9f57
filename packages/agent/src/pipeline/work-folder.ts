import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync } from "node:fs"
import { readdir, rmdir } from "node:fs/promises"
import { join } from "node:path"
import { readPlacement } from "../place/placement.ts"
import { removeTree } from "../store/remove-tree.ts"
import { storageError } from "../store/storage-error.ts"
import type { Preparation } from "./preparation.ts"
import type { StoredResource } from "./stored-resource.ts"

/**
 * Work folders are `.downloads/<resource>.<random>.work`: a name of one's own, so that two processes that both believe
 * to hold the lock (one slept through its lease) never write into each other's files.
 */
export function makeWorkFolder({ downloads }: Preparation, resource: StoredResource): string {
  const path = join(downloads, `${resource.name}.${randomBytes(6).toString("hex")}.work`)
  makeDownloadsFolder(downloads)
  try {
    mkdirSync(path)
  } catch (error) {
    throw storageError(error, `write into "${downloads}"`)
  }
  return path
}

/**
 * Makes something in a work folder of its own, and places it. A failure takes the folder away, save where it was ready to be
 * placed: that is whole, and the next run only has to move it.
 */
export async function inWorkFolder<T>(
  preparation: Preparation,
  resource: StoredResource,
  make: (work: string) => Promise<T>,
): Promise<T> {
  const work = makeWorkFolder(preparation, resource)
  return await keepReady(work, () => make(work))
}

/** The same with a work folder that is there. */
export async function keepReady<T>(work: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if ((await readPlacement(work)) === undefined) await removeWorkFolder(work)
    throw error
  }
}

/** The dataset's folder is there: its lock is held. */
export function makeDownloadsFolder(downloads: string): void {
  try {
    // Of one level: see `makeFolder` for what Node's own `recursive` does on some storage.
    if (!existsSync(downloads)) mkdirSync(downloads)
  } catch (error) {
    throw storageError(error, `write into "${downloads}"`)
  }
}

/** The work folders that earlier runs left, by the name of their resource. */
export async function leftWorkFolders({ downloads }: Pick<Preparation, "downloads">): Promise<Map<string, string[]>> {
  const left = new Map<string, string[]>()
  for (const name of await readdir(downloads).catch(() => [])) {
    const [, resource] = /^(.+)\.[0-9a-f]{12}\.work$/s.exec(name) ?? []
    if (resource !== undefined) left.set(resource, [...(left.get(resource) ?? []), join(downloads, name)])
  }
  return left
}

export async function removeWorkFolder(path: string): Promise<void> {
  // As most are left: of thousands, a look at each first takes a while.
  const done = await rmdir(path).then(
    () => true,
    () => false,
  )
  if (!done) await removeTree(path)
}
