import { join } from "node:path"
import { downloadsOf } from "@datamaestro/dataset"
import { DatamaestroError, interrupted, type ProgressEvent } from "@datamaestro/protocol"
import { sideBySide } from "../concurrency/side-by-side.ts"
import { UnderWay } from "../concurrency/under-way.ts"
import { adopt, tellUnverified, type Adopted } from "./adopt.ts"
import type { FoundDataset } from "./found-dataset.ts"
import type { StoredResource } from "./stored-resource.ts"
import { located } from "./located.ts"
import { continuePlacement } from "./place-resource.ts"
import { missingDownloads } from "./missing-downloads.ts"
import { prepareArchive } from "./prepare-archive.ts"
import { prepareArchives } from "./prepare-archives.ts"
import { prepareBucket } from "./prepare-bucket.ts"
import { prepareFile } from "./prepare-file.ts"
import { prepareLinks } from "./prepare-links.ts"
import { prepareManual } from "./prepare-manual.ts"
import { prepareWayback } from "./prepare-wayback.ts"
import type { Preparation } from "./preparation.ts"
import { RESOURCES_AT_ONCE } from "./queues.ts"
import { isBeingMade, isShareable, makeShared } from "./shared-making.ts"
import { runStep } from "./run-step.ts"
import { leftWorkFolders } from "./work-folder.ts"
import { totalBytes } from "../store/file-list.ts"
import { removeTree } from "../store/remove-tree.ts"

type How = Extract<ProgressEvent, { phase: "resource" }>["how"]

/** What each resource needs: how it came to be there, or `undefined` for what is still to be made. */
export type Standing = Map<StoredResource, How | undefined>

/** Looks at each resource in turn, continues what was nearly done, and takes over what is there. */
export async function takeStock(preparation: Preparation): Promise<Standing> {
  const { found, options, signal } = preparation
  const standing: Standing = new Map()
  const left = await leftWorkFolders(preparation)
  // Of thousands that are taken over many are recorded in one write.
  const records: Promise<void>[] = []
  const unverified: string[] = []
  const keep = (placed: Adopted | undefined): boolean => {
    if (placed?.unverified !== undefined) unverified.push(placed.unverified)
    return placed !== undefined && records.push(placed.recorded) > 0
  }
  try {
    for (const resource of found.stored) {
      if (signal.aborted) throw interrupted()
      const works = left.get(resource.name) ?? []
      if (await isBeingMade(preparation, resource)) standing.set(resource, undefined)
      else if (keep(await continuePlacement(preparation, resource, works))) standing.set(resource, "made")
      else if (options.force === true) standing.set(resource, undefined)
      else if (await found.isWhole(resource)) standing.set(resource, "present")
      else if (keep(await adopt(preparation, resource))) standing.set(resource, "adopted")
      else standing.set(resource, undefined)
    }
    tellUnverified(preparation, unverified)
  } finally {
    // Also after a failure: nothing may still be written when the lock is given back.
    await Promise.allSettled(records)
  }
  await Promise.all(records)
  // Only now is known whether what was made from a transient one is there.
  for (const [resource, how] of standing) {
    if (how !== undefined) continue
    const spare = options.force !== true && !(await found.isNeeded(resource))
    if (spare || (await isSpentThere(preparation, resource))) standing.set(resource, "present")
  }
  return standing
}

/** A transient one that is gone where it is copied from: all that is made of it is there, and comes from there. */
async function isSpentThere({ plan, found, options, signal }: Preparation, resource: StoredResource): Promise<boolean> {
  if (options.copy === undefined || !found.isRemovable(resource)) return false
  return (await options.copy.resource(plan, resource.name, signal)) === undefined
}

/** @throws DatamaestroError NOT_PREPARED naming what would have to be fetched, and is not in the cache */
export async function requireDownloadAllowed(
  { plan, options }: Pick<Preparation, "plan" | "options">,
  missing: readonly StoredResource[],
): Promise<void> {
  if (options.download !== false || options.copy !== undefined) return
  const names: string[] = []
  for (const resource of missing) {
    if ((await missingDownloads(resource, options.cache)).length > 0) names.push(resource.name)
  }
  if (names.length === 0) return
  throw new DatamaestroError(
    "NOT_PREPARED",
    `Cannot use "${plan.id}" without downloading: ${names.join(", ")} missing`,
    {
      hint: "run the same command without --no-downloads",
      details: { dataset: plan.id, resources: names },
    },
  )
}

/**
 * Makes all that is missing, side by side as far as one does not need another. The first failure stops the others;
 * their downloads keep what they have.
 */
export async function makeMissing(
  preparation: Preparation,
  standing: Standing,
  stop: (reason: unknown) => void,
): Promise<void> {
  const tasks = new Map<string, Promise<void>>()
  const { found, options } = preparation
  const { sharing } = options
  const shared = new Set<string>()
  for (const [resource, how] of standing) {
    if (sharing !== undefined && how === undefined && isShareable(resource)) shared.add(resource.name)
  }
  await sharing?.announce([...shared])
  const spent = new UnderWay<Promise<void>>()
  const bringBack = async (names: readonly string[]): Promise<void> => {
    const wanted = new Set(names)
    for (const resource of found.stored) {
      const { name } = resource
      if (!wanted.has(name) || !found.isRemovable(resource)) continue
      await spent.share(name, async () => {
        if (await found.isWhole(resource)) return
        await bringBack(inputsOf(resource))
        tell(preparation, resource, await make(preparation, resource))
      })
    }
  }
  const work = async (resource: StoredResource, how: How | undefined): Promise<void> => {
    // What one needs comes before it, so that those that have begun never wait for one that has not.
    const needed = inputsOf(resource)
    await Promise.all(needed.flatMap((name) => tasks.get(name) ?? []))
    // What it is made of may have come with another content.
    const outdated = how !== undefined && found.isOutdated(resource) && (await found.isNeeded(resource))
    if (how !== undefined && !outdated) return tell(preparation, resource, how)
    // What is transient was not needed, as long as nothing told that this one is to be made.
    if (outdated && options.copy === undefined) await bringBack(needed)
    const own = (): Promise<How> => make(preparation, resource)
    tell(preparation, resource, await (shared.has(resource.name) ? makeShared(preparation, resource, own) : own()))
  }
  const begin = ([resource, how]: [StoredResource, How | undefined]): Promise<void> => {
    const task = work(resource, how).catch((error: unknown) => {
      throw located(error, preparation.plan.id, resource.name)
    })
    tasks.set(resource.name, task)
    return task
  }
  await sideBySide(RESOURCES_AT_ONCE, standing, begin, stop)
}

/** The names of what a resource is made of. */
function inputsOf(resource: StoredResource): readonly string[] {
  return resource.kind === "step" || resource.kind === "wayback" ? resource.from : []
}

async function make(preparation: Preparation, resource: StoredResource): Promise<How> {
  const { found, options, signal } = preparation
  if (signal.aborted) throw interrupted()
  // With --force, or of an older definition, to which one may go back, the old stays complete until the new is placed. A file is
  // known by its sum, and of thousands that are replaced this is one write.
  const stays = options.force === true || (resource.kind !== "file" && found.isOutdated(resource))
  if (!stays) await found.state.set(resource.name, "partial")
  if (options.copy !== undefined) {
    const copied = await options.copy.resource(preparation.plan, resource.name, signal)
    if (copied !== undefined) {
      const { prepareCopied } = await import("./prepare-copied.ts")
      await prepareCopied(preparation, resource, { reader: options.copy, copied })
      return "copied"
    }
    if (downloadsOf(resource).length > 0) throw notThere(preparation, resource)
  }
  switch (resource.kind) {
    case "file":
      return await prepareFile(preparation, resource)
    case "step":
      await runStep(preparation, resource)
      return "made"
    case "concat":
    case "merge":
      return await prepareArchives(preparation, resource, resource.archives)
    case "bucket":
      return await prepareBucket(preparation, resource)
    case "wayback":
      await prepareWayback(preparation, resource)
      return "downloaded"
    case "links":
    case "linkfolder":
    case "linkfile":
      await prepareLinks(preparation, resource)
      return "made"
    case "manual":
      await prepareManual(preparation, resource)
      return "made"
    default:
      return await prepareArchive(preparation, resource)
  }
}

function notThere({ plan }: Preparation, { name }: StoredResource): DatamaestroError {
  return new DatamaestroError("NOT_PREPARED", `Cannot copy "${plan.id}": the other machine lacks ${name}`, {
    hint: "prepare it there with the same definitions, then copy again",
    details: { dataset: plan.id, resource: name },
  })
}

/** Removes what was only needed to make the rest. Only while holding the lock. */
export async function removeTransient(found: FoundDataset): Promise<void> {
  const spent: StoredResource[] = []
  for (const resource of found.stored) {
    if (found.isRemovable(resource) && !(await found.isNeeded(resource))) spent.push(resource)
  }
  // All of them in one write each, before the first file goes.
  await Promise.all(spent.map(({ name }) => found.state.set(name, "none")))
  await Promise.all(spent.map((resource) => found.record(resource, undefined)))
  for (const { target } of spent) await removeTree(join(found.folder, target))
}

function tell({ plan, options, found }: Preparation, resource: StoredResource, how: How): void {
  const files = found.manifest.record(resource.name)?.files
  const bytes = files && totalBytes(files)
  options.progress({
    phase: "resource",
    dataset: plan.id,
    resource: resource.name,
    how,
    ...(bytes === undefined ? {} : { bytes }),
  })
}
