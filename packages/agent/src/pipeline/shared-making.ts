import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { PlannedArchive } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import { readLease } from "../store/lease.ts"
import { tryLock } from "../store/lock.ts"
import { readPlacement } from "../place/placement.ts"
import { FoundDataset } from "./found-dataset.ts"
import type { StoredResource } from "./stored-resource.ts"
import { continuePlacement } from "./place-resource.ts"
import { preparationOf, type Preparation, type PrepareOptions } from "./preparation.ts"
import { prepareArchive } from "./prepare-archive.ts"
import { inTurn, queues } from "./queues.ts"
import { leftWorkFolders } from "./work-folder.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { DOWNLOADS_FOLDER } from "../store/dataset-names.ts"

/** How often what another process makes is looked at, in milliseconds. */
const LOOK = 500

/** How one process that prepares a dataset and others that help it find each other. */
export interface Sharing {
  /** Says which archives lack, so that others begin with them. */
  announce(resources: readonly string[]): Promise<void>
}

/** What others can make: one archive, with a folder of its own. */
export function isShareable(resource: StoredResource): resource is PlannedArchive {
  return (resource.kind === "tar" || resource.kind === "zip") && resource.target !== ""
}

/** Whether another process makes this resource right now. */
export async function isBeingMade({ downloads }: Preparation, resource: StoredResource): Promise<boolean> {
  return isShareable(resource) && (await readLease(leaseOf(downloads, resource))).live
}

/** Makes a resource, or places what another process has made of it; few at once, so that others find some to make. */
export async function makeShared<H>(
  preparation: Preparation,
  resource: StoredResource,
  make: () => Promise<H>,
): Promise<H | "made"> {
  const { shares } = await queues()
  const { signal } = preparation
  for (;;) {
    const how = await inTurn(shares, signal, () => attempt(preparation, resource, make))
    if (how !== undefined) return how
    await sleep(LOOK, undefined, { signal }).catch(() => {})
    if (signal.aborted) throw interrupted()
  }
}

async function attempt<H>(
  preparation: Preparation,
  resource: StoredResource,
  make: () => Promise<H>,
): Promise<H | "made" | undefined> {
  const lock = await tryLock(leaseOf(preparation.downloads, resource))
  if (lock === undefined) return undefined
  try {
    const left = (await leftWorkFolders(preparation)).get(resource.name) ?? []
    const placed = await continuePlacement(preparation, resource, left)
    if (placed === undefined) return await make()
    await placed.recorded
    return "made"
  } finally {
    await lock.release()
  }
}

/**
 * Makes archives of a dataset that another process prepares, up to where they only have to be moved into place, which is
 * that process's to do. Ends when there is none left that nobody makes.
 *
 * @param names those that lack
 * @param first where to begin, so that several helpers meet seldom
 */
export async function makeShares(
  dataset: ResolvedDataset,
  options: PrepareOptions,
  { names, first }: { names: readonly string[]; first: number },
): Promise<void> {
  const from = names.length === 0 ? 0 : first % names.length
  for (const name of [...names.slice(from), ...names.slice(0, from)]) {
    if (options.signal.aborted) throw interrupted()
    const found = await FoundDataset.read(options.paths, dataset.plan)
    const resource = found.stored.find((each) => each.name === name)
    if (resource === undefined || !isShareable(resource) || (await found.isWhole(resource))) continue
    const lock = await tryLock(leaseOf(join(found.folder, DOWNLOADS_FOLDER), resource))
    if (lock === undefined) continue
    try {
      const own = { signal: options.signal, lock, placing: <T>(work: () => Promise<T>) => work(), onlyReady: true }
      await makeReady(preparationOf(dataset, found, options, own), resource)
    } finally {
      await lock.release()
    }
  }
}

async function makeReady(preparation: Preparation, resource: PlannedArchive): Promise<void> {
  for (const work of (await leftWorkFolders(preparation)).get(resource.name) ?? []) {
    if ((await readPlacement(work)) !== undefined) return
  }
  // Placed between our look and our lock.
  const { plan, options } = preparation
  if (await (await FoundDataset.read(options.paths, plan)).isWhole(resource)) return
  await prepareArchive(preparation, resource)
}

function leaseOf(downloads: string, { name }: StoredResource): string {
  return join(downloads, `${name}.share.lease`)
}
