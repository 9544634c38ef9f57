import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { DatamaestroError, interrupted, type Paths, type ProgressListener, type Result } from "@datamaestro/protocol"
import { sideBySide } from "../concurrency/side-by-side.ts"
import { isDatasetMark, isDotFile } from "../place/nested-dataset.ts"
import { preparationOrder, type ResolvedDataset } from "../resolve/resolve-dataset.ts"
import type { ManifestFile } from "../store/file-list.ts"
import { storageError } from "../store/storage-error.ts"
import { hashFile } from "../verify/hash-file.ts"
import { differenceAtSight } from "./changed-files.ts"
import { FoundDataset } from "./found-dataset.ts"
import { isLink, type StoredResource } from "./stored-resource.ts"

type Verification = Result<"datasets/verify">

export interface VerifyOptions {
  paths: Paths
  signal: AbortSignal
  progress: ProgressListener
}

/** Files read side by side: enough to hide the delays of a network file system. */
const WIDTH = 4

/**
 * Compares the files of a dataset, and of all that it refers to, with their manifests: size first, then SHA-256.
 *
 * @throws DatamaestroError NOT_PREPARED when something was never finished; what reading throws
 */
export async function verifyDataset(dataset: ResolvedDataset, options: VerifyOptions): Promise<Verification> {
  const { id, repository } = dataset.plan
  const lists = { unverified: [], changed: [], missing: [], added: [], damaged: [] }
  const result: Verification = { id, repository, sound: 0, ...lists }
  // All of them before the first byte is read: what is not prepared is told at once.
  const all: [FoundDataset, StoredResource[]][] = []
  for (const { plan } of preparationOrder(dataset)) {
    const found = await FoundDataset.read(options.paths, plan)
    all.push([found, await recorded(found, id)])
  }
  for (const [found, resources] of all) {
    const before = result.changed.length + result.missing.length
    await verifyOne(found, resources, options, result)
    if (result.changed.length + result.missing.length > before) result.damaged.push(found.plan.id)
  }
  for (const list of [result.unverified, result.missing, result.added]) list.sort()
  result.changed.sort((a, b) => (a.path < b.path ? -1 : 1))
  return result
}

/** The resources that must be there, by state and manifest. */
async function recorded(found: FoundDataset, asked: string): Promise<StoredResource[]> {
  const resources: StoredResource[] = []
  for (const resource of found.stored) {
    const record = found.manifest.record(resource.name)
    const finished = found.state.of(resource.name) === "complete" && !found.isOutdated(resource)
    const complete = finished && record !== undefined
    // What is only needed on the way may have gone.
    if (found.isRemovable(resource) && !(complete && (await found.entriesExist(record.entries)))) continue
    if (!complete) throw notPrepared(found, resource, asked)
    resources.push(resource)
  }
  return resources
}

async function verifyOne(
  found: FoundDataset,
  resources: readonly StoredResource[],
  options: VerifyOptions,
  result: Verification,
): Promise<void> {
  const known = new Set<string>()
  const queue: { resource: StoredResource; file: ManifestFile }[] = []
  for (const resource of resources) {
    const { entries = [], files = [] } = found.manifest.record(resource.name) ?? {}
    for (const entry of entries) known.add(entry)
    // An archive that a person had to fetch was put there as the error said, and is kept.
    if (resource.kind === "manual") known.add(resource.deposit)
    for (const file of files) {
      known.add(file.path)
      queue.push({ resource, file })
    }
    if (files.length > 0) continue
    const there = (await found.entriesExist(entries)) && (await found.linksLead(resource))
    if (!there) result.missing.push(join(found.folder, resource.target))
    else if (isLink(resource)) result.sound++
    else result.unverified.push(join(found.folder, resource.target))
  }
  const meter = progressMeter(found, queue, options.progress)
  await sideBySide(WIDTH, queue, async ({ file, resource }) => {
    if (options.signal.aborted) throw interrupted()
    await verifyFile(join(found.folder, file.path), file, result, {
      signal: options.signal,
      onBytes: meter(resource.name),
    })
  })
  // Inside what has no list of files nobody can tell what was added.
  const whole = new Set(
    resources.filter(({ name }) => found.manifest.record(name)?.files.length === 0).map(({ target }) => target),
  )
  if (whole.has("")) return
  await findAdded(found.folder, "", {
    isKnown: (path) => known.has(path) || found.former.has(path),
    whole,
    added: result.added,
  })
}

async function verifyFile(
  path: string,
  file: ManifestFile,
  result: Verification,
  options: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    // A link to nothing, or to itself, is no file either.
    if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "ELOOP") return undefined
    throw storageError(error, `read "${path}"`)
  })
  if (found === undefined) return void result.missing.push(path)
  const reason = differenceAtSight(found, file)
  if (reason !== undefined) return void result.changed.push({ path, reason })
  if (file.sha256 === undefined) return void result.unverified.push(path)
  const { digests } = await hashFile(path, ["sha256"], options).catch((error: unknown) => {
    throw storageError(error, `read "${path}"`)
  })
  if (digests.sha256 === file.sha256) result.sound++
  else result.changed.push({ path, reason: `its SHA-256 is ${digests.sha256}, wanted ${file.sha256}` })
}

/** Regular files that no record has, not even one of an older definition's resource. Dot files, links and the folders of other datasets are no content. */
async function findAdded(
  folder: string,
  below: string,
  to: { isKnown: (path: string) => boolean; whole: ReadonlySet<string>; added: string[] },
): Promise<void> {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return []
    throw storageError(error, `read "${join(folder, below)}"`)
  })
  if (below !== "" && entries.some(({ name }) => isDatasetMark(name)) && !to.isKnown(below)) return
  for (const entry of entries) {
    if (isDotFile(entry.name)) continue
    const path = below === "" ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory() && !to.whole.has(path)) await findAdded(folder, path, to)
    else if (entry.isFile() && !to.isKnown(path)) to.added.push(join(folder, path))
  }
}

/** Tells how many bytes so far of each resource. */
function progressMeter(
  found: FoundDataset,
  work: readonly { resource: StoredResource; file: ManifestFile }[],
  progress: ProgressListener,
): (resource: string) => (bytes: number) => void {
  const totals = new Map<string, number>()
  for (const { resource, file } of work) totals.set(resource.name, (totals.get(resource.name) ?? 0) + file.bytes)
  const done = new Map<string, number>()
  return (resource) => {
    let before = 0
    return (bytes) => {
      const sum = (done.get(resource) ?? 0) + bytes - before
      before = bytes
      done.set(resource, sum)
      progress({ phase: "verify", dataset: found.plan.id, resource, bytes: sum, total: totals.get(resource) ?? sum })
    }
  }
}

function notPrepared({ plan }: FoundDataset, resource: StoredResource, asked: string): DatamaestroError {
  return new DatamaestroError(
    "NOT_PREPARED",
    `Cannot verify "${asked}": ${resource.name} of "${plan.id}" is not prepared`,
    {
      hint: `run \`datamaestro prepare ${asked}\`: it takes over what is there already`,
      details: { dataset: plan.id, repository: plan.repository, resource: resource.name },
    },
  )
}
