import { setMaxListeners } from "node:events"
import { readdir, rmdir } from "node:fs/promises"
import { join } from "node:path"
import type { Plan } from "@datamaestro/dataset"
import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { tellChangedFiles } from "./pipeline/changed-files.ts"
import { DOWNLOADS_FOLDER, LOCK_FILE } from "./store/dataset-names.ts"
import { exists } from "./store/exists.ts"
import { FoundDataset } from "./pipeline/found-dataset.ts"
import { tellFormer } from "./pipeline/tell-former.ts"
import { isUsable } from "./pipeline/unrecorded.ts"
import { releaseContinued } from "./pipeline/release-download.ts"
import { preparationOf, type Preparation, type PrepareOptions } from "./pipeline/preparation.ts"
import { fetchMissing } from "./pipeline/fetch-missing.ts"
import {
  makeMissing,
  removeTransient,
  requireDownloadAllowed,
  takeStock,
  type Standing,
} from "./pipeline/prepare-resources.ts"
import { requireAgreement, requireDatafolders, requireSpace } from "./pipeline/requirements.ts"
import { preparationOrder, type ResolvedDataset } from "./resolve/resolve-dataset.ts"
import { datasetFolder } from "./store/layout.ts"
import { readLease } from "./store/lease.ts"
import { sweepClaims } from "./store/lock-claim.ts"
import { acquireLock, type Lock } from "./store/lock.ts"
import { MANIFEST_FILE } from "./store/manifest.ts"
import { removeTree } from "./store/remove-tree.ts"
import { STATE_FILE } from "./store/state.ts"
import { storageError } from "./store/storage-error.ts"
import { removeUnfinished } from "./store/write-atomic.ts"

export { diskState } from "./pipeline/disk-state.ts"
export { isShareable, makeShares } from "./pipeline/shared-making.ts"
export { planWork } from "./pipeline/plan-work.ts"
export type { PrepareOptions } from "./pipeline/preparation.ts"

/** How long tidying may wait for the lock. */
const TIDY_MILLISECONDS = 300

/**
 * Prepares a dataset with all that it refers to. What is prepared already is left untouched.
 *
 * Each dataset is finished, and its lock given back, before the next one begins, and what is referred to comes first:
 * so no two processes can wait for each other.
 *
 * @throws DatamaestroError for every foreseen failure; INTERRUPTED when aborted, resumable parts kept
 */
export async function prepareDataset(dataset: ResolvedDataset, options: PrepareOptions): Promise<void> {
  for (const one of preparationOrder(dataset)) {
    const own = one === dataset
    try {
      await prepareOne(one, own ? options : { ...options, force: false, sharing: undefined }, own)
    } catch (error) {
      throw options.signal.aborted ? interrupted() : storageError(error, `prepare "${one.plan.id}"`)
    }
  }
}

/**
 * Whether a dataset is prepared already, with all that it refers to. If not, what only the person can provide is there.
 *
 * @throws DatamaestroError AGREEMENT_REQUIRED, DATAFOLDER_MISSING, NOT_PREPARED
 */
export async function isPrepared(dataset: ResolvedDataset, options: PrepareOptions): Promise<boolean> {
  let prepared = true
  for (const one of preparationOrder(dataset)) {
    const found = await examine(one, one === dataset ? options : { ...options, force: false })
    if (!found.present) prepared = false
  }
  return prepared
}

/** Who works on a dataset right now, as messages call them; takes nothing. */
export async function lockHolder({ plan }: ResolvedDataset, { paths }: PrepareOptions): Promise<string | undefined> {
  const { live, description } = await readLease(join(datasetFolder(paths, plan), LOCK_FILE))
  return live ? description : undefined
}

async function examine(
  dataset: ResolvedDataset,
  options: PrepareOptions,
): Promise<{ found: FoundDataset; present: boolean }> {
  const { plan } = dataset
  await requireDatafolders(dataset, options)
  const found = await FoundDataset.read(options.paths, plan, options.datafolders)
  if (options.force !== true && (await found.isPresent())) {
    await tellChangedFiles(found, found.stored, options.progress)
    return { found, present: true }
  }
  requireAgreement(dataset, options)
  if (!(await exists(found.folder))) await requireDownloadAllowed({ plan, options }, found.stored)
  return { found, present: false }
}

async function prepareOne(dataset: ResolvedDataset, options: PrepareOptions, asked: boolean): Promise<void> {
  const { plan } = dataset
  const tell = (state: "started" | "present" | "adopted" | "done"): void =>
    options.progress({ phase: "dataset", dataset: plan.id, state })
  await tellFormer(dataset, options)
  if (await wasPresent(dataset, options)) return asked ? tell("present") : undefined

  tell("started")
  const lock = await lockDataset(plan, options)
  if (lock === undefined) return tell("present")
  try {
    const fresh = await FoundDataset.read(options.paths, plan, options.datafolders)
    if (options.force !== true && (await fresh.isPresent())) return tell("present")
    const how = await prepareLocked(dataset, fresh, lock, options)
    if (how !== "fetched") tell(how)
  } finally {
    await lock.release()
  }
}

/**
 * Whether it is prepared already; then what a killed run left of it is taken away. What was read for that is let go of: of thousands of
 * resources it is much, and is read anew once the lock is there.
 */
async function wasPresent(dataset: ResolvedDataset, options: PrepareOptions): Promise<boolean> {
  const { found, present } = await examine(dataset, options)
  if (present) await tidy(found, options)
  return present
}

async function prepareLocked(
  dataset: ResolvedDataset,
  found: FoundDataset,
  lock: Lock,
  options: PrepareOptions,
): Promise<"adopted" | "done" | "fetched"> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  // Each resource that waits for its turn listens to it; that is no leak.
  setMaxListeners(0, signal)
  const preparation = preparationOf(dataset, found, options, { signal, lock, placing: oneAtATime() })
  try {
    const standing = await takeStock(preparation)
    const present = [...standing].flatMap(([resource, how]) => (how === "present" ? [resource] : []))
    await tellChangedFiles(found, present, options.progress)
    await requireDownloadAllowed(preparation, missingOf(standing))
    if (options.copy === undefined) await requireSpace(found, missingOf(standing), options)
    await releaseContinued(preparation, standing)
    if (options.fetchOnly === true) {
      await fetchMissing(preparation, standing, (reason) => stop.abort(reason))
      return "fetched"
    }
    await makeMissing(preparation, standing, (reason) => stop.abort(reason))
    await removeTransient(found)
    await removeLeftovers(found.folder)
    return onlyAdopted(standing) ? "adopted" : "done"
  } catch (error) {
    // Nothing to continue from: an empty folder tells nobody anything.
    await rmdir(preparation.downloads).catch(() => {})
    throw error
  }
}

/** Takes away what a run left that was killed after the very last thing it had to do, unless somebody works there. */
async function tidy(found: FoundDataset, { signal, paths }: PrepareOptions): Promise<void> {
  if (!(await exists(join(found.folder, DOWNLOADS_FOLDER)))) return
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(TIDY_MILLISECONDS)])
    const lock = await acquireLock(join(found.folder, LOCK_FILE), { signal: soon })
    try {
      const fresh = await FoundDataset.read(paths, found.plan)
      if (!(await fresh.isPresent())) return
      await removeTransient(fresh)
      await removeLeftovers(found.folder)
    } finally {
      await lock.release()
    }
  } catch {
    // In use, or not ours to write: what is there is whole all the same.
  }
}

/** Only while holding the lock. The downloads' folder goes last: it tells that there may be more. */
async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder)
  for (const name of [STATE_FILE, MANIFEST_FILE]) await removeUnfinished(join(folder, name), names)
  await sweepClaims(join(folder, LOCK_FILE), names)
  await removeTree(join(folder, DOWNLOADS_FOLDER))
}

/** The lock, or undefined where we may not write but everything is there to be read. */
async function lockDataset(plan: Plan, options: PrepareOptions): Promise<Lock | undefined> {
  const folder = datasetFolder(options.paths, plan)
  const acquired = new AbortController()
  let followed: string | undefined
  const onWait = (holder: string, seconds: number, own: boolean): void => {
    // Who asked this process for it sees it being prepared.
    if (own) return
    options.progress({ phase: "wait", dataset: plan.id, holder, seconds })
    if (followed === holder) return
    followed = holder
    void options.followHolder?.(plan.id, holder, acquired.signal)
  }
  try {
    return await acquireLock(join(folder, LOCK_FILE), { signal: options.signal, onWait })
  } catch (error) {
    const readOnly = error instanceof DatamaestroError && ["READ_ONLY", "PERMISSION_DENIED"].includes(error.code)
    if (!readOnly || options.force === true) throw error
    if (!(await isUsable(await FoundDataset.read(options.paths, plan, options.datafolders)))) throw error
    options.progress({
      phase: "notice",
      level: "info",
      message: `${plan.id}: "${folder}" is used as it is, unverified: it can't be written to`,
    })
    return undefined
  } finally {
    acquired.abort()
  }
}

function missingOf(standing: Standing) {
  return [...standing].filter(([, how]) => how === undefined).map(([resource]) => resource)
}

function onlyAdopted(standing: Standing): boolean {
  const ways = [...standing.values()]
  return ways.includes("adopted") && ways.every((how) => how === "adopted" || how === "present")
}

function oneAtATime(): Preparation["placing"] {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next.catch(() => {})
    return next
  }
}
