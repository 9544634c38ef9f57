import { downloadsOf, type PlannedManual, type PlannedResource } from "@datamaestro/dataset"
import type { AcceptedAgreement, GlobalSettings, Paths, Result } from "@datamaestro/protocol"
import { join } from "node:path"
import { sourcesOf } from "../fetch/sources.ts"
import { preparationOrder, type ResolvedDataset } from "../resolve/resolve-dataset.ts"
import type { DownloadCache } from "../store/cache.ts"
import { freeSpace, shareSpace } from "../store/free-space.ts"
import { datasetFolder, resourcePath, type Datafolders } from "../store/layout.ts"
import { diskState } from "./disk-state.ts"
import { FoundDataset } from "./found-dataset.ts"
import { isStored, type StoredResource } from "./stored-resource.ts"
import { leastSpace, type SpaceNeed } from "./least-space.ts"
import { missingDownloads } from "./missing-downloads.ts"
import { depositAt } from "./prepare-manual.ts"
import { unacceptedAgreement } from "./requirements.ts"
import { fetchNeed, packedBytes, spaceNeed } from "./space-need.ts"
import { isStanding } from "./unrecorded.ts"
import { totalBytes } from "../store/file-list.ts"

export interface PlanWorkOptions {
  paths: Paths
  datafolders: Datafolders
  mirrors: GlobalSettings["mirrors"]
  cache: DownloadCache
  /** Downloads stay in the cache; they don't by default. */
  keepDownloads?: boolean | undefined
  /** Those that hold. */
  agreements?: readonly AcceptedAgreement[] | undefined
  /** Whether servers may be asked how much it is; `false` by default. */
  ask?: boolean
  signal: AbortSignal
}

type Plan = Result<"datasets/plan">
type Work = Plan["work"][number]

/** What `prepare` would do, also for what the dataset refers to: for `--dry-run`. Touches no data. */
export async function planWork(dataset: ResolvedDataset, options: PlanWorkOptions): Promise<Plan> {
  const { plan } = dataset
  const planned: PlannedDownload[] = []
  const unaccepted: Plan["unaccepted"] = []
  for (const one of preparationOrder(dataset)) {
    const works = await worksOf(one, options)
    for (const each of works) planned.push(each)
    if (works.some(({ work }) => !DONE.has(work.action))) unaccepted.push(...agreementOf(one, options))
  }
  const sizes = await addSizes(planned, options)
  const work = planned.map((each) => each.work)
  const wanted = work.filter(({ action }) => action === "download")
  const fetch = wanted.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  const folder = datasetFolder(options.paths, plan)
  const { here, inCache } = await spaceNeeds(planned, sizes, options.cache)
  const keep = options.keepDownloads === true
  const [room, cacheRoom] = [await roomFor(here, folder, keep), await roomFor(inCache, options.cache.path, keep)]
  return {
    id: plan.id,
    repository: plan.repository,
    path: folder,
    work,
    unaccepted,
    fetch,
    unknown: wanted.filter(({ bytes }) => bytes === undefined).length,
    // Of two disks the one that is too small is told of.
    ...(cacheRoom.fits === false && room.fits !== false ? cacheRoom : room),
  }
}

/** Whether it fits there, as far as anybody knows. */
async function roomFor(
  needs: readonly SpaceNeed[],
  path: string,
  keep: boolean,
): Promise<Pick<Plan, "needs" | "free" | "fits">> {
  const least = leastSpace(needs, keep)
  const files = needs.reduce((sum, need) => sum + need.files, 0)
  const free = await freeSpace(path)
  return {
    needs: least,
    ...(Number.isFinite(free?.bytes) ? { free: free?.bytes } : {}),
    ...(free === undefined ? {} : { fits: least <= free.bytes && files <= free.files }),
  }
}

/** What nothing is done for. */
const DONE: ReadonlySet<Work["action"]> = new Set(["none", "reference"])

function agreementOf({ plan }: ResolvedDataset, { agreements = [] }: PlanWorkOptions): Plan["unaccepted"] {
  const lacking = unacceptedAgreement(plan, agreements)
  if (lacking === undefined) return []
  const { id, url } = lacking
  return [{ dataset: plan.id, id, ...(url === undefined ? {} : { url }) }]
}

interface PlannedDownload {
  work: Work
  found: FoundDataset
  /** Absent where nothing of it is to be made. */
  resource: StoredResource | undefined
  /** What must be fetched: alternatives, and the size where the author knows it. */
  missing: { urls: string[]; size: number | undefined }[]
}

async function worksOf(dataset: ResolvedDataset, options: PlanWorkOptions): Promise<PlannedDownload[]> {
  const { plan } = dataset
  const found = await FoundDataset.read(options.paths, plan)
  const isThere = (one: StoredResource): Promise<boolean> => isStanding(found, one, options.mirrors)
  const { resources } = await diskState(dataset, options)
  const works: PlannedDownload[] = []
  for (const resource of plan.resources) {
    const done =
      resources[resource.name] === "complete" || (isStored(resource) && !(await found.isNeeded(resource, isThere)))
    const known = resource.kind !== "datafolder" || Object.hasOwn(options.datafolders, resource.folder)
    const { action, missing } = done ? { action: "none" as const, missing: [] } : await actionFor(resource, options)
    const files = found.manifest.record(resource.name)?.files
    const work: Work = {
      dataset: plan.id,
      resource: resource.name,
      kind: resource.kind,
      action,
      urls: downloadsOf(resource).flatMap(({ urls }) => sourcesOf(urls, options.mirrors)),
      ...(known ? { target: resourcePath(options.paths, plan, resource, options.datafolders) } : {}),
      ...(resource.kind === "datafolder" ? { datafolder: resource.folder } : {}),
      ...(done && files !== undefined ? { bytes: totalBytes(files) } : {}),
    }
    if (!done && resource.kind === "manual") Object.assign(work, await byHand(found.folder, resource))
    works.push({ work, missing, found, resource: !done && isStored(resource) ? resource : undefined })
  }
  return works
}

/** What a person must fetch before it can be made. */
async function byHand(folder: string, resource: PlannedManual): Promise<Partial<Work>> {
  const target = join(folder, resource.deposit)
  if ((await depositAt(target, resource)) !== undefined) return {}
  const { page, instructions } = resource
  return { action: "by-hand", urls: [page], target, ...(instructions === undefined ? {} : { instructions }) }
}

async function actionFor(
  resource: PlannedResource,
  { cache, mirrors }: PlanWorkOptions,
): Promise<{ action: Work["action"]; missing: PlannedDownload["missing"] }> {
  if (resource.kind === "reference" || resource.kind === "datafolder") return { action: "reference", missing: [] }
  if (downloadsOf(resource).length === 0) return { action: "make", missing: [] }
  const downloads = await missingDownloads(resource, cache)
  const missing = downloads.map(({ urls, size }) => ({ urls: sourcesOf(urls, mirrors), size }))
  return { action: missing.length > 0 ? "download" : "extract-cached", missing }
}

/** What is missing gets its size. Those that servers told, by the first URL that was asked for. */
async function addSizes(
  planned: readonly PlannedDownload[],
  { ask = false, signal }: PlanWorkOptions,
): Promise<Map<string, number>> {
  const unknown = planned.flatMap(({ missing }) => missing.filter(({ size }) => size === undefined))
  const asked = ask && unknown.length > 0 ? await askSizes(unknown, signal) : new Map<string, number>()
  for (const { work, missing } of planned) {
    if (work.action === "extract-cached") work.bytes = 0
    if (work.action !== "download") continue
    const sizes = missing.map(({ urls, size }) => size ?? asked.get(urls[0] ?? ""))
    if (sizes.every((size) => size !== undefined)) work.bytes = sizes.reduce((sum, size) => sum + size, 0)
  }
  return asked
}

async function spaceNeeds(
  planned: readonly PlannedDownload[],
  sizes: ReadonlyMap<string, number>,
  cache: DownloadCache,
): Promise<{ here: SpaceNeed[]; inCache: SpaceNeed[] }> {
  const here: SpaceNeed[] = []
  const inCache: SpaceNeed[] = []
  const parts = await cache.partSizes()
  for (const { resource, found, missing } of planned) {
    if (resource === undefined) continue
    // Servers were asked for the first source of each, which may be a mirror.
    const told = missing.map(({ urls }) => ({ urls, bytes: sizes.get(urls[0] ?? "") }))
    const sizeOf = (url: string): number | undefined => told.find(({ urls }) => urls.includes(url))?.bytes
    const packed = await packedBytes(resource, cache, parts, sizeOf)
    const apart = !(await shareSpace(cache.path, found.folder))
    here.push(spaceNeed(resource, found, packed, apart))
    if (apart) inCache.push(fetchNeed(packed))
  }
  return { here, inCache }
}

/** What speaks HTTP is loaded only here: a preparation that finds everything has no use for it. */
async function askSizes(
  downloads: readonly { urls: readonly string[] }[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const { downloadSizes } = await import("./download-sizes.ts")
  return await downloadSizes(downloads, signal)
}
